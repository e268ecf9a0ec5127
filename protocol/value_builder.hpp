#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace troupe::detail {

/// Puts a value together from what a parser meets, within limits. Every call returns false once
/// something is refused; `problem()` says what. The depth is held down while parsing, because a
/// deep tree costs more than the bytes it came from.
class value_builder {
public:
  explicit value_builder(const decode_limits& limits) : limits_(limits) {}

  bool add(value item) { return count() && place(std::move(item)); }
  /// `expected` is what a header claims: room is made for a few of them.
  bool open_list(std::size_t expected = 0) { return open(false, expected); }
  bool open_map(std::size_t expected = 0) { return open(true, expected); }
  bool key(std::string text);
  bool close();

  bool refuse(std::string problem);
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] bool is_complete() const noexcept { return complete_; }
  /// REQUIRES: the value is complete.
  [[nodiscard]] value take() { return std::move(root_); }

private:
  struct frame {
    bool is_map;
    std::string key;
    value::list_type items;
    value::map_type members;
  };

  bool count() { return ++elements_ <= limits_.max_elements || refuse_more(); }
  bool refuse_more();
  bool open(bool is_map, std::size_t expected);
  bool place(value&& item) {
    if (open_.empty()) return finish(std::move(item));
    auto& top = open_.back();
    if (top.is_map) top.members.emplace_back(std::move(top.key), std::move(item));
    else top.items.push_back(std::move(item));
    return true;
  }
  bool finish(value&& root);

  decode_limits limits_;
  std::size_t elements_ = 0;
  bool complete_ = false;
  std::vector<frame> open_;
  value root_;
  std::string problem_;
};

} // namespace troupe::detail
