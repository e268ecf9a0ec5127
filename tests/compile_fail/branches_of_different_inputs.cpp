// expect: all branches of a block must take the same input type
#include <troupe/troupe.hpp>

#include <string>

int main() {
  auto number = troupe::step("number", [](int x) { return x; });
  auto text = troupe::step("text", [](std::string s) { return s; });
  auto both = troupe::parallel(number, text);
}
