#include "http_queue.hpp"

namespace troupe {

namespace {

constexpr std::size_t remembered_hosts = 4'096;

} // namespace

void http_queue::wait(std::uint64_t id, const std::string& origin, instant deadline) {
  if (hosts_.size() >= remembered_hosts)
    std::erase_if(hosts_, [](const auto& each) {
      return each.second.active == 0 && each.second.waiting.empty() && !each.second.listed;
    });
  auto& where = hosts_[origin];
  places_.emplace(id, place{&where, deadline});
  where.waiting.insert(id);
  deadlines_.emplace(deadline, id);
  list(where);
}

// A host without room leaves the circle until a request of it ends or finds its address.
std::optional<std::uint64_t> http_queue::next(instant now) {
  while (active_ < options_.max_active && !circle_.empty()) {
    auto& where = *circle_.front();
    circle_.pop_front();
    where.listed = false;
    if (where.waiting.empty() || !has_room(where, now)) continue;

    const auto id = *where.waiting.begin();
    auto& taken = places_.at(id);
    where.waiting.erase(where.waiting.begin());
    deadlines_.erase({taken.deadline, id});
    taken.active = true;
    ++where.active;
    ++where.looking;
    ++active_;
    list(where);
    return id;
  }
  return {};
}

void http_queue::resolved(std::uint64_t id, bool looked_up, instant now) {
  auto& taken = places_.at(id);
  if (taken.resolved) return;
  taken.resolved = true;
  auto& where = *taken.where;
  --where.looking;
  // Time runs from the first: the later ones found the address in memory.
  if (looked_up && now >= where.known_until) where.known_until = later(now, options_.address_known);
  list(where);
}

std::vector<std::uint64_t> http_queue::waiting_with(std::uint64_t id) const {
  const auto& waiting = places_.at(id).where->waiting;
  return {waiting.begin(), waiting.end()};
}

void http_queue::leave(std::uint64_t id) {
  const auto left = places_.extract(id).mapped();
  auto& where = *left.where;
  if (left.active) {
    --active_;
    --where.active;
    if (!left.resolved) --where.looking;
  } else {
    where.waiting.erase(id);
    deadlines_.erase({left.deadline, id});
  }
  list(where);
}

std::optional<std::uint64_t> http_queue::overdue(instant now) const {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return {};
  return deadlines_.begin()->second;
}

instant http_queue::first_deadline() const {
  return deadlines_.empty() ? no_deadline : deadlines_.begin()->first;
}

void http_queue::list(host& where) {
  if (where.listed || where.waiting.empty()) return;
  where.listed = true;
  circle_.push_back(&where);
}

bool http_queue::has_room(const host& where, instant now) const {
  if (where.active >= options_.max_host_active) return false;
  return where.looking < options_.max_lookups || now < where.known_until;
}

} // namespace troupe
