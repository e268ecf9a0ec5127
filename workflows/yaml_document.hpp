#pragma once

#include "source_text.hpp"

#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// One node of a YAML document with its place: what workflow files are read from.
struct yaml_node {
  enum class shape : std::uint8_t { scalar, list, map };
  struct member;

  shape kind = shape::scalar;
  text_position at{};
  /// Of a scalar: its content by the YAML 1.2 core schema; quoted and block scalars are text.
  value scalar{};
  bool plain = true;              ///< of a scalar: written without quotes, not as a block
  std::vector<yaml_node> items{}; ///< of a list
  std::vector<member> members;    ///< of a map, in the order of the file
  std::size_t offset = 0;         ///< of a scalar: the byte of the file where it starts

  [[nodiscard]] const member* find(std::string_view key) const;
  /// The content without the places.
  [[nodiscard]] value to_value() const;
  /// What kind of thing this is, for messages: `a list`, `a map`, `text`, `an integer`, `a number`,
  /// `true or false`, `null`.
  [[nodiscard]] std::string_view kind_name() const;
};

struct yaml_node::member {
  std::string key;
  text_position key_at;
  yaml_node content;
};

struct yaml_limits {
  std::size_t max_bytes = std::size_t{1} << 20;
  std::size_t max_depth = 100;
  std::size_t max_nodes = 10'000; ///< after the expansion of aliases
};

/// Reads one YAML 1.2 document. Adds what is wrong to `found`; returns nothing when the text cannot
/// be read at all. Duplicate keys, keys that are not text, tags, merge keys (`<<`), several
/// documents, invalid UTF-8 and what exceeds the limits are errors.
[[nodiscard]] std::optional<yaml_node> read_yaml(const source_text& source,
                                                 std::vector<diagnostic>& found,
                                                 const yaml_limits& limits = {});

/// The place of a byte of a scalar's content in the file, as exactly as the way it is written
/// allows (exact for plain and quoted scalars on one line, and for literal blocks).
[[nodiscard]] text_position position_in(const source_text& source, const yaml_node& scalar,
                                        std::size_t offset);

} // namespace troupe
