// expect: write .a >> \(b \| policy\)
#include <troupe/troupe.hpp>

int main() {
  auto a = troupe::step("a", [](int x) { return x; });
  auto b = troupe::step("b", [](int x) { return x; });
  a >> b | troupe::retry{};
}
