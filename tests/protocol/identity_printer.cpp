#include <troupe/protocol/behavior.hpp>
#include <troupe/protocol/plan.hpp>

#include <cstdio>

namespace {

int twice(const int& number) {
  return 2 * number;
}

struct step_options {
  std::string identity;
};

troupe::value troupe_describe(const step_options& options) {
  return troupe::value::map({{"identity", options.identity}});
}

void troupe_check(const step_options&, troupe::option_check&) {}

} // namespace

int main(int count, char**) {
  using doubling = troupe::behavior<int(const int&)>;
  const int factor = count + 2;
  const auto function = doubling(twice).identity();
  const auto lambda = doubling([](const int& number) { return number + 1; }).identity();
  const auto closure = doubling([factor](const int& number) { return number * factor; }).identity();
  const auto tree =
      troupe::plan::make(troupe::plan_kind::step, "twice", {}, step_options{function});
  std::printf("%s\n%s\n%s\n%s\n", function.c_str(), lambda.c_str(), closure.c_str(),
              troupe::to_hex(tree.hash()).c_str());
}
