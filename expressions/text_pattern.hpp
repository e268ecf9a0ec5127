#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::detail {

/// A regular expression in the syntax of RE2. Immutable; may be used by several threads at a time.
class text_pattern {
public:
  /// Check `problem` before anything else.
  explicit text_pattern(std::string_view pattern);

  /// Empty when the pattern is fine.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  /// True when it is found anywhere in the text.
  [[nodiscard]] bool is_in(std::string_view text) const;
  /// How large the compiled pattern is, in its own instructions; 0 when there is a problem.
  [[nodiscard]] std::size_t size() const noexcept;

private:
  struct compiled;
  std::shared_ptr<const compiled> compiled_;
  std::string problem_;
};

} // namespace troupe::detail
