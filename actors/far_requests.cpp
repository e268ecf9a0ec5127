#include <troupe/actors/far_requests.hpp>

#include <functional>
#include <utility>

namespace troupe::actors {

namespace {
constexpr std::size_t least_places = 16;
/// What may stay when everything has ended.
constexpr std::size_t kept_places = 16'384;
} // namespace

void far_requests::add(const key& of, call_id call) {
  if (2 * (size_ + 1) > places_.size()) {
    resize(places_.empty() ? least_places : 2 * places_.size());
  }
  auto& found = places_[place_of(of)];
  if (found.call) return;
  found = {of, call};
  ++size_;
}

call_id far_requests::find(const key& of) const noexcept {
  return places_.empty() ? call_id{} : places_[place_of(of)].call;
}

// Whatever stands behind the gap and belongs further in front moves up, so that no search ends too
// early.
bool far_requests::erase(const key& of) {
  if (places_.empty()) return false;
  auto gap = place_of(of);
  if (!places_[gap].call) return false;
  const auto mask = places_.size() - 1;
  for (auto at = (gap + 1) & mask; places_[at].call; at = (at + 1) & mask) {
    const auto from_home = (at - home_of(places_[at].of)) & mask;
    if (from_home < ((at - gap) & mask)) continue;
    places_[gap] = places_[at];
    gap = at;
  }
  places_[gap] = {};
  if (--size_ * 8 < places_.size() && places_.size() > kept_places) resize(places_.size() / 2);
  return true;
}

std::size_t far_requests::home_of(const key& of) const noexcept {
  auto bits = std::hash<const mailbox*>()(of.from) ^ static_cast<std::uint64_t>(of.id);
  bits *=
      0x9e3779b97f4a7c15u; // the low bits of both are alike; the high ones of the product differ
  return (bits >> 32) & (places_.size() - 1);
}

// Where the key is, or the free place where it would be.
std::size_t far_requests::place_of(const key& of) const noexcept {
  auto at = home_of(of);
  while (places_[at].call && !(places_[at].of == of)) at = (at + 1) & (places_.size() - 1);
  return at;
}

void far_requests::resize(std::size_t places) {
  const auto old = std::exchange(places_, std::vector<place>(places));
  for (const auto& each : old) {
    if (each.call) places_[place_of(each.of)] = each;
  }
}

} // namespace troupe::actors
