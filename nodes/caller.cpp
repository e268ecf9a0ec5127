#include "caller.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

namespace {

constexpr auto first_pause = std::chrono::milliseconds(100);
constexpr auto longest_pause = std::chrono::seconds(5);
constexpr auto pause_after_refusal = std::chrono::seconds(30);

} // namespace

caller::caller(const std::vector<endpoint>& where, std::uint64_t seed) : random_(seed) {
  for (const auto& each : where) places_.push_back({each});
}

std::vector<caller::call> caller::due(instant now) {
  std::vector<call> all;
  for (std::size_t index = 0; index < places_.size(); ++index) {
    auto& each = places_[index];
    if (each.peer != 0 || each.is_connecting || each.is_forgotten || now < each.next_try) continue;
    each.is_connecting = true;
    all.push_back({each.where, index + 1});
  }
  return all;
}

bool caller::opened(std::uint64_t ticket, std::uint64_t peer) {
  if (ticket == 0 || ticket > places_.size()) return false;
  auto& where = places_[ticket - 1];
  where.is_connecting = false;
  where.peer = peer;
  return true;
}

caller::place* caller::with_link(std::uint64_t peer) {
  const auto found = std::find_if(places_.begin(), places_.end(),
                                  [&](const place& each) { return each.peer == peer; });
  return found == places_.end() || peer == 0 ? nullptr : &*found;
}

void caller::welcomed(std::uint64_t peer) {
  auto* where = with_link(peer);
  if (!where) return;
  where->failures = 0;
  where->was_refused = false;
}

void caller::refused(std::uint64_t peer) {
  if (auto* where = with_link(peer)) where->was_refused = true;
}

void caller::has_called(std::uint64_t peer) {
  if (auto* where = with_link(peer)) where->has_called = true;
}

void caller::forget(std::uint64_t peer) {
  if (auto* where = with_link(peer)) where->is_forgotten = true;
}

std::optional<std::string> caller::failed(std::uint64_t ticket, const std::string& why,
                                          instant now) {
  if (ticket == 0 || ticket > places_.size()) return std::nullopt;
  auto& where = places_[ticket - 1];
  where.is_connecting = false;
  return retry_later(where, why, now);
}

std::optional<std::string> caller::ended(std::uint64_t peer, const std::string& why, instant now) {
  auto* where = with_link(peer);
  if (!where) return std::nullopt;
  where->peer = 0;
  return retry_later(*where, why, now);
}

// Equal jitter (Brooker, 2015), so that nodes do not come back all at once.
std::optional<std::string> caller::retry_later(place& where, const std::string& why, instant now) {
  if (where.is_forgotten) return std::nullopt;
  const auto is_linked = std::exchange(where.has_called, false);
  const auto is_news = (where.failures == 0 || where.was_refused) && !is_linked;
  const auto doubled =
      first_pause * (std::int64_t{1} << std::min<std::uint32_t>(where.failures, 10));
  ++where.failures;
  const auto most = where.was_refused ? duration(pause_after_refusal)
                    : is_linked       ? duration(longest_pause)
                                      : std::min<duration>(doubled, longest_pause);
  const auto share = 0.5 + random_.unit() / 2;
  const auto pause =
      duration(static_cast<duration::rep>(static_cast<double>(most.count()) * share));
  where.next_try = later(now, pause);
  if (!is_news) return std::nullopt;
  return "no link to the coordinator at " + troupe::to_string(where.where) + ": " + why
         + "; trying again";
}

} // namespace troupe::nodes
