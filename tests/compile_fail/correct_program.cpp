#include <troupe/troupe.hpp>

#include <string>

int main() {
  auto a = troupe::step("a", [](int x) { return x + 1; });
  auto b = troupe::step("b", [](int x) { return std::to_string(x); });
  auto spare = troupe::step("spare", [](int) { return std::string{"none"}; });
  auto joined = (a | troupe::retry{}) >> (b | troupe::retry{} | troupe::fallback(spare));
  auto both = troupe::parallel(a, b);
}
