// expect: a step takes its input as its first parameter
#include <troupe/troupe.hpp>

int main() {
  auto nothing = troupe::step("nothing", [] { return 1; });
}
