// expect: the output type of .a. must be the input type of .b.
#include <troupe/troupe.hpp>

#include <string>

int main() {
  auto number = troupe::step("a", [](int x) { return x; });
  auto text = troupe::step("b", [](std::string s) { return s; });
  auto joined = number >> text;
}
