#include <troupe/policies/random.hpp>

namespace troupe {

namespace {

constexpr std::uint64_t golden_gamma = 0x9e3779b97f4a7c15;

std::uint64_t mixed(std::uint64_t bits) noexcept {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

} // namespace

std::uint64_t random_source::next() noexcept {
  state_ += golden_gamma;
  return mixed(state_);
}

double random_source::unit() noexcept {
  // 53 bits are what a double holds without rounding up to 1.
  return static_cast<double>(next() >> 11) * 0x1p-53;
}

random_source random_source::fork(std::uint64_t number) const noexcept {
  return random_source(mixed(seed_ ^ mixed(number + golden_gamma)));
}

} // namespace troupe
