// expect: a step must return its output
#include <troupe/troupe.hpp>

int main() {
  auto silent = troupe::step("silent", [](int) {});
}
