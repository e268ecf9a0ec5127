#include "tcp_link.hpp"

#include <stdexcept>
#include <string>

namespace troupe::nodes {

void tcp_link::send(std::vector<frame> frames) {
  send(frames, outbox::haste::none);
}

void tcp_link::send_at_once(std::vector<frame> frames) {
  send(frames, outbox::haste::great);
}

void tcp_link::send(const std::vector<frame>& frames, outbox::haste how) {
  for (const auto& content : frames) {
    if (content.size() <= max_frame_bytes) continue;
    throw std::length_error("a frame of " + std::to_string(content.size())
                            + " bytes; a link takes at most " + std::to_string(max_frame_bytes));
  }
  switch (waiting.add(frames, how)) {
  case outbox::effect::none: return;
  case outbox::effect::wakes: return signal(link_signal::look);
  case outbox::effect::overflows: return signal(link_signal::overflow);
  }
}

void tcp_link::close() {
  if (waiting.shut()) signal(link_signal::close);
}

void tcp_link::attach(std::shared_ptr<const signal_sink> sink) {
  const std::scoped_lock lock(mutex_);
  sink_ = std::move(sink);
}

void tcp_link::detach() {
  attach(nullptr);
}

void tcp_link::signal(link_signal which) {
  std::shared_ptr<const signal_sink> sink;
  {
    const std::scoped_lock lock(mutex_);
    sink = sink_;
  }
  if (sink) (*sink)(which);
}

} // namespace troupe::nodes
