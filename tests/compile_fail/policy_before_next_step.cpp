// expect: write .\(a \| policy\) >> b
#include <troupe/troupe.hpp>

int main() {
  auto a = troupe::step("a", [](int x) { return x; });
  auto b = troupe::step("b", [](int x) { return x; });
  a | troupe::retry{} >> b;
}
