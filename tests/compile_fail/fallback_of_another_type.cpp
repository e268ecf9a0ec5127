// expect: a fallback must have the input and output types of what it replaces
#include <troupe/troupe.hpp>

#include <string>

int main() {
  auto number = troupe::step("number", [](int x) { return x; });
  auto text = troupe::step("text", [](std::string s) { return s; });
  auto guarded = number | troupe::fallback(text);
}
