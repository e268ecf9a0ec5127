#pragma once

#include "source_text.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace troupe::detail {

/// What the parser says when it cannot go on.
struct yaml_problem {
  std::string_view reason; ///< in the words of yaml-cpp
  std::size_t offset = 0;  ///< where it noticed
  /// Where the lists and maps in brackets start that were open, outermost first.
  std::vector<std::size_t> open_brackets{};
  std::size_t last_read = 0; ///< where the last thing starts that was read in full
};

/// True when a list or map in brackets is not closed where it should be.
[[nodiscard]] bool is_about_brackets(const yaml_problem& problem);

/// Where the quoted scalar ends that starts there, or nothing when it does not.
[[nodiscard]] std::optional<std::size_t> closing_quote(std::string_view text, std::size_t start);

/// Returns what is wrong in plain words, at the place where it went wrong.
[[nodiscard]] diagnostic explain(const yaml_problem& problem, std::string_view text);

} // namespace troupe::detail
