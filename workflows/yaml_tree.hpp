#pragma once

#include "text_index.hpp"
#include "yaml_document.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

inline constexpr std::size_t no_node = static_cast<std::size_t>(-1);

/// Ends the reading; what is wrong has been reported.
struct unreadable {};

/// Where what is wrong is reported to.
class problem_list {
public:
  problem_list(std::vector<diagnostic>& found, const text_index& index)
      : found_(found), before_(found.size()), index_(index) {}

  void add(text_position at, std::string message);
  [[noreturn]] void give_up(text_position at, std::string message);
  /// Takes back what was reported here.
  void forget() { found_.resize(before_); }
  [[nodiscard]] text_position place(std::size_t offset) const { return index_.position_of(offset); }
  [[nodiscard]] std::string_view text() const { return index_.text(); }

private:
  std::vector<diagnostic>& found_;
  std::size_t before_;
  const text_index& index_;
  std::size_t count_ = 0;
};

struct raw_member {
  std::string key;
  text_position key_at;
  std::size_t content;
};

/// A node as it is written, with aliases.
struct raw_node {
  yaml_node node{};      // without what is inside
  std::string written{}; // of a scalar
  std::vector<std::size_t> items{};
  std::vector<raw_member> members{};
  std::size_t alias_of = no_node;
};

struct raw_document {
  std::vector<raw_node> nodes;
  std::size_t root = no_node;
};

/// Reports a text that is too large, or no UTF-8, or has control characters, and gives up.
void check_bytes(problem_list& problems);

/// Makes the tree, with a copy of what an alias refers to in its place. REQUIRES: no alias stands
/// inside of what it refers to.
[[nodiscard]] yaml_node expanded(const raw_document& document, problem_list& problems,
                                 const yaml_limits& limits);

} // namespace troupe::detail
