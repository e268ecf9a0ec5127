#include "coordinator_base.hpp"

#include <utility>

namespace troupe::nodes {

/// Where the stages of deployments send the requests for one branch.
class coordinator_base::branch_mailbox final : public actors::mailbox {
public:
  branch_mailbox(std::weak_ptr<coordinator_base> home, branch_number number)
      : home_(std::move(home)), number_(number) {}
  ~branch_mailbox() override {
    if (const auto home = home_.lock()) {
      home->post(errand{
          [home = home.get(), number = number_] { home->dispatch_->remove_branch(number); }});
    }
  }

  void put(actors::message content) override {
    if (const auto home = home_.lock()) {
      home->post(stage_asked{number_, std::move(content)});
      return;
    }
    // The coordinator is gone, and with it every worker.
    auto* start = std::get_if<actors::start_message>(&content);
    if (!start) return;
    step_result result;
    result.id = start->request.id;
    result.why = std::make_shared<const failure>(
        failure{failure_kind::cancelled, "the coordinator is going down"});
    result.ctx = start->request.ctx;
    start->reply_to->put(actors::result_message{std::move(result)});
  }

private:
  std::weak_ptr<coordinator_base> home_;
  branch_number number_;
};

coordinator_base::~coordinator_base() = default;

void coordinator_base::begin_dispatching(dispatcher_options options, std::uint64_t seed,
                                         std::uint32_t interests) {
  dispatch_.emplace(options, *this, seed, interests);
}

actors::stage_ref coordinator_base::place(branch_offer offer) {
  auto self = std::static_pointer_cast<coordinator_base>(shared_from_this());
  branch_number number = 0;
  in_turn([&] { number = dispatch_->add_branch(std::move(offer)); });
  return {std::make_shared<branch_mailbox>(std::move(self), number), 0};
}

void coordinator_base::said(peer& by, message& content) {
  const auto now = read_clock();
  switch (content.kind) {
  case message_kind::hello: return welcome(by, content);
  case message_kind::results: return dispatch_->take_results(by.number, content, now);
  case message_kind::progress: return dispatch_->take_progress(by.number, content, now);
  case message_kind::leaving:
    by.leaving = true;
    dispatch_->set_draining(by.number);
    return count_workers();
  default:
    return drop(by, "it sent a `" + std::string(to_string(content.kind))
                        + "`, which is not for a coordinator");
  }
}

void coordinator_base::welcome(peer& with, const message& hello) {
  if (with.is_known) return drop(with, "it said hello twice");
  auto theirs = node_facts_from(hello.item(0));
  auto refusal = theirs ? incompatible(facts_, *theirs) : std::optional(theirs.why().message);
  const auto& certified = with.wire->peer().certificate_name;
  if (!refusal && !certified.empty() && certified != theirs->identity.name) {
    refusal = "the certificate of `" + certified + "` does not fit the name `"
              + theirs->identity.name + "`";
  }
  if (refusal) {
    tell("refused a node at " + with.wire->peer().address + ": " + *refusal);
    say(with, write_frame(message_kind::refusal, {*refusal}));
    return drop(with, *refusal);
  }
  // A worker that is back before the end of its old link was seen.
  for (const auto& [number, each] : peers()) {
    if (!each->is_known || each.get() == &with) continue;
    if (each->facts.identity.name != theirs->identity.name) continue;
    if (each->facts.identity.incarnation == theirs->identity.incarnation) {
      drop(*each, "it connected once more");
      break;
    }
  }
  with.facts = *std::move(theirs);
  with.is_known = true;
  say(with, write_frame(message_kind::welcome, {to_value(facts_)}));
  dispatch_->add_worker(with.number, with.facts, read_clock());
  count_workers();
}

void coordinator_base::ended(peer& with, const std::string& why) {
  if (!with.is_known) return;
  dispatch_->lose_worker(with.number, why, read_clock());
  if (!with.leaving) tell("lost worker `" + with.facts.identity.name + "`: " + why);
  count_workers();
}

void coordinator_base::count_workers() {
  std::size_t count = 0;
  for (const auto& [number, each] : peers()) count += each->is_known && !each->leaving ? 1 : 0;
  set_connections(count);
}

void coordinator_base::judged(peer& of, liveness verdict) {
  dispatch_->set_suspect(of.number, verdict == liveness::suspect, read_clock());
}

void coordinator_base::handle_other(node_event& event) {
  auto* asked = std::get_if<stage_asked>(&event);
  if (!asked) return;
  const auto now = read_clock();
  if (auto* start = std::get_if<actors::start_message>(&asked->content)) {
    dispatch_->start(asked->branch, std::move(start->request), std::move(start->reply_to), now);
  } else if (auto* cancel = std::get_if<actors::cancel_message>(&asked->content)) {
    dispatch_->cancel(cancel->requester, cancel->request.id, cancel->request.reason, now);
  }
}

void coordinator_base::look(instant now) {
  dispatch_->look(now);
}

bool coordinator_base::is_quiet(const peer& with) const {
  return dispatch_->load_of(with.number).in_flight <= few_requests;
}

void coordinator_base::rest() {
  dispatch_->flush();
}

value coordinator_base::own_load() {
  return value::map({{"queued", dispatch_->queued()}, {"open", dispatch_->open()}});
}

void coordinator_base::send(worker_number to, frame body) {
  if (auto* with = find_peer(to)) say(*with, std::move(body));
}

} // namespace troupe::nodes
