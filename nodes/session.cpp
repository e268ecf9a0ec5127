#include "session.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

namespace {

failure malformed(std::string message) {
  return {failure_kind::malformed, std::move(message)};
}

// What a body is about, as `frame_writer` has written it.
message_kind kind_of(const frame& body) {
  constexpr std::size_t place = 5;
  return body.size() > place ? static_cast<message_kind>(body[place]) : message_kind{};
}

} // namespace

outcome<std::size_t> session::post(frame body) {
  const auto size = body.size();
  if (size > limits_.max_body) {
    return failure{failure_kind::rejected, "a message of " + std::to_string(size)
                                               + " bytes is too long for another node; at most "
                                               + std::to_string(limits_.max_body) + " travel"};
  }
  if (deploys_ > 0 && kind_of(body) == message_kind::work) {
    held_.push_back(std::move(body));
  } else if (size <= chunk_bytes) {
    ready_.push_back(std::move(body));
  } else {
    if (kind_of(body) == message_kind::deploy) ++deploys_;
    waiting_.push_back(std::move(body));
    begin_waiting();
  }
  return size;
}

// The other side gathers no more than its limit, or ends the link.
void session::begin_waiting() {
  while (!waiting_.empty()) {
    const auto size = waiting_.front().size();
    if (under_way_ > 0 && under_way_ + size > limits_.max_gathering) return;
    auto body = std::move(waiting_.front());
    waiting_.pop_front();
    begin(std::move(body));
  }
}

void session::begin(frame body) {
  under_way_ += body.size();
  const auto number = ++last_number_;
  auto& made = outgoing_[number];
  made.body = std::move(body);
  send_pieces(number, made);
}

void session::send_pieces(std::uint64_t number, outgoing& of) {
  while (of.under_way < limits_.window && of.sent < of.body.size()) {
    const auto count = std::min(chunk_bytes, of.body.size() - of.sent);
    const auto* from = reinterpret_cast<const std::uint8_t*>(of.body.data()) + of.sent;
    const auto place = of.sent;
    of.sent += count;
    ++of.under_way;
    const auto is_last = of.sent == of.body.size();
    ready_.push_back(write_frame(message_kind::chunk,
                                 {number, is_last, value::binary({from, from + count}), place}));
    if (!is_last || kind_of(of.body) != message_kind::deploy || --deploys_ > 0) continue;
    for (auto& each : std::exchange(held_, {})) (void)post(std::move(each));
  }
}

void session::taken(std::uint64_t number) {
  const auto found = outgoing_.find(number);
  if (found == outgoing_.end()) return;
  auto& of = found->second;
  if (of.under_way > 0) --of.under_way;
  if (of.sent == of.body.size() && of.under_way == 0) {
    under_way_ -= of.body.size();
    outgoing_.erase(found);
    return begin_waiting();
  }
  send_pieces(number, of);
}

outcome<bool> session::take(message piece, std::vector<message>& complete) {
  const auto number_item = piece.item(0);
  const auto last_item = piece.item(1);
  const auto bytes_item = piece.item(2);
  const auto* number = number_item.if_integer();
  const auto* is_last = last_item.if_bool();
  const auto* bytes = bytes_item.if_binary();
  const auto place_item = piece.item(3);
  const auto* place = place_item.if_integer();
  if (!number || !is_last || !bytes || !place) {
    return malformed("a piece of a message says not of which");
  }
  const auto key = static_cast<std::uint64_t>(*number);
  // A transport that loses, repeats or exchanges pieces would change what they hold.
  if (incoming_.count(key) == 0) {
    if (key <= last_incoming_) return malformed("a piece of a message came twice");
    last_incoming_ = key;
    if (incoming_.size() >= std::max<std::size_t>(1, limits_.max_gathering / chunk_bytes)) {
      return malformed("too many messages come in pieces at a time");
    }
  }
  auto& body = incoming_[key];
  if (static_cast<std::uint64_t>(*place) != body.size()) {
    return malformed("the pieces of a message are not in order");
  }
  body.append(bytes->begin(), bytes->end());
  gathering_ += bytes->size();
  ready_.push_back(write_frame(message_kind::chunk_taken, {key}));
  if (body.size() > limits_.max_body || gathering_ > limits_.max_gathering) {
    return malformed("the pieces of a message are longer together than "
                     + std::to_string(limits_.max_body) + " bytes");
  }
  if (!*is_last) return false;
  gathering_ -= body.size();
  auto whole = read_frame(body);
  incoming_.erase(key);
  if (!whole) return whole.why();
  if (whole->kind == message_kind::chunk || whole->kind == message_kind::chunk_taken) {
    return malformed("a message in pieces holds a piece of a message");
  }
  complete.push_back(*std::move(whole));
  return true;
}

outcome<std::vector<message>> session::receive(std::vector<frame> arrived) {
  std::vector<message> complete;
  for (const auto& each : arrived) {
    auto read = read_frame(each);
    if (!read) return read.why();
    if (read->kind == message_kind::chunk) {
      if (auto done = take(*std::move(read), complete); !done) return done.why();
    } else if (read->kind == message_kind::chunk_taken) {
      const auto number = read->item(0);
      if (const auto* which = number.if_integer()) taken(static_cast<std::uint64_t>(*which));
    } else {
      complete.push_back(*std::move(read));
    }
  }
  return complete;
}

std::vector<frame> session::take_output() {
  return std::exchange(ready_, {});
}

} // namespace troupe::nodes
