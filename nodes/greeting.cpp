#include "greeting.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace troupe::nodes {

greeting::greeting(byte_channel connection, instant now, duration limit)
    : accepted_(true), began_(now), limit_(limit), phase_(phase::handshaking),
      due_(later(now, limit)), events_(POLLIN), channel_(std::move(connection)) {}

greeting::greeting(std::vector<socket_address> addresses, std::shared_ptr<name_lookup> lookup,
                   session_maker make_session, instant now, duration limit)
    : accepted_(false), began_(now), limit_(limit), phase_(phase::looking_up),
      due_(later(now, limit)), addresses_(std::move(addresses)), lookup_(std::move(lookup)),
      make_session_(std::move(make_session)) {}

void greeting::advance(instant now) {
  for (auto before = phase_;; before = phase_) {
    switch (phase_) {
    case phase::looking_up: look_up(now); break;
    case phase::connecting: finish_connect(now); break;
    case phase::handshaking: shake_hands(); break;
    case phase::awaiting: await_greeting(); break;
    case phase::ready:
    case phase::failed: return;
    }
    if (phase_ == before) break;
  }
  if (now >= due_) time_out(now);
}

bool greeting::silent() const {
  return accepted_ && phase_ == phase::handshaking && !channel_->has_heard();
}

int greeting::descriptor() const noexcept {
  if (channel_) return channel_->descriptor();
  return connecting_.get();
}

void greeting::enter(phase next, instant now) {
  phase_ = next;
  due_ = later(now, limit_);
}

void greeting::fail(std::string why) {
  phase_ = phase::failed;
  why_ = std::move(why);
}

void greeting::look_up(instant now) {
  if (lookup_) {
    auto found = lookup_->result();
    if (!found) return;
    if (!*found) return fail(found->why().message);
    addresses_ = *std::move(*found);
  }
  enter(phase::connecting, now);
  last_due_ = due_;
  try_next(now);
}

/// Goes to the next address, which gets its share of the time that is left.
void greeting::try_next(instant now) {
  while (next_address_ < addresses_.size()) {
    const auto left = static_cast<duration::rep>(addresses_.size() - next_address_);
    due_ = now + (last_due_ - now) / left;
    events_ = POLLOUT;
    connecting_ = start_connect(addresses_[next_address_++]);
    if (connecting_) return;
    why_ = system_message(errno);
  }
  fail(why_);
}

void greeting::finish_connect(instant now) {
  pollfd ready{connecting_.get(), POLLOUT, 0};
  if (::poll(&ready, 1, 0) == 0) return;
  if (const auto error = connect_error(connecting_); error != 0) {
    why_ = system_message(error);
    return try_next(now);
  }
  auto session = make_session_ ? make_session_(connecting_.get()) : nullptr;
  channel_.emplace(std::move(connecting_), std::move(session));
  enter(phase::handshaking, now);
}

void greeting::shake_hands() {
  const auto state = channel_->shake_hands();
  if (state != channel_state::ready) return wait_for(state);
  if (accepted_) return greet();
  events_ = POLLIN;
  phase_ = phase::awaiting;
}

void greeting::greet() {
  const auto sent = channel_->write(greeting_.data(), greeting_.size());
  if (sent.state == channel_state::ended) return fail(channel_->why_ended());
  if (sent.bytes < greeting_.size()) return fail("the peer takes nothing");
  phase_ = phase::ready;
}

void greeting::await_greeting() {
  const auto got =
      channel_->read(greeting_.data() + greeting_size_, greeting_.size() - greeting_size_);
  greeting_size_ += got.bytes;
  const auto is_empty_frame =
      std::all_of(greeting_.begin(), greeting_.end(), [](char byte) { return byte == 0; });
  if (!is_empty_frame) return fail("the other end is no node, or one that expects TLS");
  if (greeting_size_ == greeting_.size()) phase_ = phase::ready;
  else wait_for(got.state);
}

void greeting::wait_for(channel_state state) {
  switch (state) {
  case channel_state::ready: return;
  case channel_state::wants_read: events_ = POLLIN; return;
  case channel_state::wants_write: events_ = POLLOUT; return;
  case channel_state::ended: {
    const auto why = channel_->why_ended();
    return fail(phase_ == phase::handshaking ? "TLS handshake: " + why : why);
  }
  }
}

void greeting::time_out(instant now) {
  const auto limit = " within " + troupe::to_string(limit_);
  switch (phase_) {
  case phase::looking_up: return fail("the name was not found" + limit);
  case phase::connecting: {
    why_ = "no answer" + limit;
    return try_next(now);
  }
  case phase::handshaking: return fail("the TLS handshake was not finished" + limit);
  case phase::awaiting: return fail("no greeting" + limit);
  case phase::ready:
  case phase::failed: return;
  }
}

} // namespace troupe::nodes
