#include "shared_port.hpp"

#include <cstdint>

namespace troupe::nodes {

namespace {

// FNV-1a, and the finalizer of MurmurHash3, so that names that differ in one letter do not weigh
// alike.
std::uint64_t weight(std::string_view member, std::string_view key) {
  std::uint64_t sum = 0xcbf29ce484222325u;
  const auto add = [&sum](std::uint8_t byte) { sum = (sum ^ byte) * 0x100000001b3u; };
  for (const auto each : member) add(static_cast<std::uint8_t>(each));
  add(0);
  for (const auto each : key) add(static_cast<std::uint8_t>(each));
  sum = (sum ^ sum >> 33u) * 0xff51afd7ed558ccdu;
  sum = (sum ^ sum >> 33u) * 0xc4ceb9fe1a85ec53u;
  return sum ^ sum >> 33u;
}

} // namespace

const std::string& home_among(std::span<const std::string> members, std::string_view key) {
  const auto* home = &members.front();
  auto most = weight(*home, key);
  for (const auto& each : members.subspan(1)) {
    const auto its = weight(each, key);
    if (its < most || (its == most && each <= *home)) continue;
    most = its;
    home = &each;
  }
  return *home;
}

} // namespace troupe::nodes
