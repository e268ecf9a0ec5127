#include <troupe/runtime/signature.hpp>
#include <troupe/runtime/step.hpp>

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace troupe {
namespace {

int plain(const std::string& text) {
  return static_cast<int>(text.size());
}

double never_throws(int x) noexcept {
  return x;
}

struct object {
  int operator()(double x) { return static_cast<int>(x); }
};

template <class F, class In, class Out>
constexpr bool has_types =
    std::is_same_v<detail::input_of<F>, In>&& std::is_same_v<detail::output_of<F>, Out>;

TEST(SignatureTest, TypesOfFunctionsAreTheirFirstParameterAndResult) {
  EXPECT_TRUE((has_types<decltype(&plain), std::string, int>));
  EXPECT_TRUE((has_types<decltype(&never_throws), int, double>));
}

TEST(SignatureTest, TypesOfObjectsAreThoseOfTheirCallOperator) {
  const auto lambda = [](int x) { return std::to_string(x); };
  auto changing = [count = 0](int x) mutable { return count += x; };

  EXPECT_TRUE((has_types<decltype(lambda), int, std::string>));
  EXPECT_TRUE((has_types<decltype(changing), int, int>));
  EXPECT_TRUE((has_types<object, double, int>));
}

TEST(SignatureTest, OutcomeIsUnwrapped) {
  const auto lambda = [](int x) -> outcome<std::string> { return std::to_string(x); };

  EXPECT_TRUE((has_types<decltype(lambda), int, std::string>));
}

TEST(SignatureTest, StepContextIsNoPartOfTheTypes) {
  const auto lambda = [](const std::string& text, step_context&) { return text; };

  EXPECT_TRUE((has_types<decltype(lambda), std::string, std::string>));
}

TEST(SignatureTest, StepsTakeTheirTypesFromTheirCallable) {
  EXPECT_TRUE((std::is_same_v<decltype(step("a", &plain)), step<std::string, int>>));
  EXPECT_TRUE((std::is_same_v<decltype(inline_step("a", object())), step<double, int>>));
}

} // namespace
} // namespace troupe
