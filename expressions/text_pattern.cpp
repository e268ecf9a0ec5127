#include "text_pattern.hpp"

#include <re2/re2.h>

namespace troupe::detail {

namespace {

// Bounds the compiled pattern and, with it, the time to compile one.
constexpr std::int64_t max_memory = 1 << 20;

RE2::Options options() {
  RE2::Options result;
  result.set_log_errors(false);
  result.set_max_mem(max_memory);
  return result;
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

} // namespace

struct text_pattern::compiled {
  explicit compiled(std::string_view pattern) : expression(piece(pattern), options()) {}
  RE2 expression;
};

text_pattern::text_pattern(std::string_view pattern)
    : compiled_(std::make_shared<const compiled>(pattern)) {
  if (!compiled_->expression.ok()) problem_ = compiled_->expression.error();
}

bool text_pattern::is_in(std::string_view text) const {
  return RE2::PartialMatch(piece(text), compiled_->expression);
}

std::size_t text_pattern::size() const noexcept {
  const auto size = compiled_->expression.ok() ? compiled_->expression.ProgramSize() : 0;
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

} // namespace troupe::detail
