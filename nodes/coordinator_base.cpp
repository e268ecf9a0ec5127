#include "coordinator_base.hpp"

#include "wire_values.hpp"

#include <set>
#include <utility>

namespace troupe::nodes {

namespace {

bool is_coordinator(const peer& who) {
  return who.facts.role == "coordinator";
}

bool is_worker(const peer& who) {
  return who.is_known && !is_coordinator(who);
}

std::string not_for_us(const message& content) {
  return "it sent a `" + std::string(to_string(content.kind)) + "`, which is not for a coordinator";
}

} // namespace

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

coordinator_base::coordinator_base(node_options options, std::unique_ptr<transport> wires,
                                   std::function<instant()> clock)
    : node_base(std::move(options), std::move(wires), std::move(clock)),
      calls_(options_.coordinators, std::hash<std::string>()(facts_.identity.name)),
      sharing_(
          *this, facts_.identity.name,
          [this](const auto& name, auto from, auto to) { breaker_changed(name, from, to); },
          [this](const auto& text) { tell(text); }),
      caches_(*this, memories_, facts_.identity.name) {}

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

void coordinator_base::opened(peer& with, std::uint64_t ticket) {
  if (ticket == 0) return; // it says who it is
  if (!calls_.opened(ticket, with.number)) return drop(with, "nobody asked for it");
  say(with, write_frame(message_kind::hello, {to_value(facts_)}));
}

void coordinator_base::failed_to_connect(std::uint64_t ticket, const std::string& why) {
  if (const auto news = calls_.failed(ticket, why, read_clock())) tell(*news);
}

void coordinator_base::said(peer& by, message& content) {
  switch (content.kind) {
  case message_kind::hello: return welcome(by, content);
  case message_kind::welcome: return welcomed(by, content);
  case message_kind::refusal:
    if (flag_of(content.item(1))) calls_.has_called(by.number);
    else calls_.refused(by.number);
    return drop(by, "it refused this coordinator: " + text_of(content.item(0)));
  default: break;
  }
  if (by.is_known && is_coordinator(by)) return said_by_other(by, content);
  said_by_worker(by, content);
}

void coordinator_base::said_by_worker(peer& by, message& content) {
  const auto now = read_clock();
  switch (content.kind) {
  case message_kind::results: return dispatch_->take_results(by.number, content, now);
  case message_kind::progress: return dispatch_->take_progress(by.number, content, now);
  case message_kind::leaving:
    by.leaving = true;
    dispatch_->set_draining(by.number);
    return count_workers();
  default: return drop(by, not_for_us(content));
  }
}

void coordinator_base::said_by_other(peer& by, message& content) {
  if (cache_exchange::is_for_it(content.kind)) {
    const auto broken = caches_.take(by.facts.identity.name, content, read_clock());
    if (broken) drop(by, "it broke the protocol: " + broken->message);
    return;
  }
  if (content.kind != message_kind::shared) return drop(by, not_for_us(content));
  const auto taken = sharing_.take(by.facts.identity.name, content, read_clock());
  if (!taken) drop(by, "it broke the protocol: " + taken.why().message);
}

void coordinator_base::welcome(peer& with, const message& hello) {
  if (with.is_known) return drop(with, "it said hello twice");
  auto theirs = node_facts_from(hello.item(0));
  const auto refusal = theirs ? misfit(with, *theirs) : std::optional(theirs.why().message);
  if (refusal) {
    tell("refused a node at " + with.wire->peer().address + ": " + *refusal);
    say(with, write_frame(message_kind::refusal, {*refusal}));
    return drop(with, *refusal);
  }
  with.facts = *std::move(theirs);
  if (is_coordinator(with)) return welcome_other(with);
  with.is_known = true;
  say(with, write_frame(message_kind::welcome, {to_value(facts_)}));
  welcome_worker(with);
}

// Two coordinators have one link, so that what they say stays in order and ends at once.
void coordinator_base::welcome_other(peer& with) {
  // It is called as the others are: the other end of this link is ours too, and knows by this.
  const auto is_self = with.facts.identity.incarnation == facts_.identity.incarnation;
  if (auto* old = is_self ? nullptr : link_to(with.facts.identity, with)) {
    if (old->is_called) {
      say(with, write_frame(message_kind::refusal, {"there is a link already", true}));
      return drop(with, "there is a link already");
    }
    drop(*old, "it connected once more");
  }
  with.is_known = !is_self;
  say(with, write_frame(message_kind::welcome, {to_value(facts_)}));
  note_others();
}

peer* coordinator_base::link_to(const node_identity& who, const peer& but) {
  for (const auto& [number, each] : peers()) {
    if (each->is_known && each.get() != &but
        && each->facts.identity.incarnation == who.incarnation) {
      return each.get();
    }
  }
  return nullptr;
}

std::optional<std::string> coordinator_base::misfit(const peer& with, const node_facts& theirs) {
  if (auto why = incompatible(facts_, theirs)) return why;
  const auto& name = theirs.identity.name;
  const auto& certified = with.wire->peer().certificate_name;
  if (!certified.empty() && certified != name)
    return "the certificate of `" + certified + "` does not fit the name `" + name + "`";
  if (theirs.role != "coordinator" || theirs.identity.incarnation == facts_.identity.incarnation)
    return std::nullopt;
  const auto taken = "another coordinator has the name `" + name + "`";
  if (name == facts_.identity.name) return taken;
  for (const auto& [number, each] : peers()) {
    if (each->is_known && is_coordinator(*each) && each->facts.identity.name == name
        && each->facts.identity.incarnation != theirs.identity.incarnation) {
      return taken;
    }
  }
  return std::nullopt;
}

void coordinator_base::welcome_worker(peer& with) {
  // A worker that is back before the end of its old link was seen.
  if (auto* old = link_to(with.facts.identity, with)) drop(*old, "it connected once more");
  dispatch_->add_worker(with.number, with.facts, read_clock());
  count_workers();
}

void coordinator_base::welcomed(peer& by, const message& content) {
  if (by.is_known) return drop(by, "it said welcome twice");
  auto theirs = node_facts_from(content.item(0));
  if (!theirs) return drop(by, theirs.why().message);
  if (theirs->identity.incarnation == facts_.identity.incarnation) {
    calls_.forget(by.number);
    return drop(by, "it is this node");
  }
  if (theirs->role != "coordinator") return drop(by, "only coordinators welcome others");
  if (const auto why = misfit(by, *theirs)) return drop(by, *why);
  // Both have called at the same time, and both decide the same.
  if (auto* other = link_to(theirs->identity, by)) {
    if (theirs->identity.incarnation < facts_.identity.incarnation) {
      calls_.has_called(by.number);
      return drop(by, "there is a link already");
    }
    drop(*other, "there is a link already");
  }
  by.facts = *std::move(theirs);
  by.is_known = true;
  calls_.welcomed(by.number);
  note_others();
}

void coordinator_base::ended(peer& with, const std::string& why) {
  if (const auto news = calls_.ended(with.number, why, read_clock())) tell(*news);
  if (!with.is_known) return;
  if (is_coordinator(with)) return note_others();
  dispatch_->lose_worker(with.number, why, read_clock());
  if (!with.leaving) tell("lost worker `" + with.facts.identity.name + "`: " + why);
  count_workers();
}

void coordinator_base::note_others() {
  std::set<std::string> names;
  for (const auto& [number, each] : peers()) {
    if (each->is_known && is_coordinator(*each)) names.insert(each->facts.identity.name);
  }
  sharing_.set_others({names.begin(), names.end()}, read_clock());
  names.insert(facts_.identity.name);
  caches_.set_members(facts_.identity.name, {names.begin(), names.end()}, read_clock());
}

void coordinator_base::tell_other(const std::string& coordinator, frame body) {
  for (const auto& [number, each] : peers()) {
    if (!each->is_known || !is_coordinator(*each)) continue;
    if (each->facts.identity.name == coordinator) return say(*each, std::move(body));
  }
}

void coordinator_base::count_workers() {
  std::size_t count = 0;
  for (const auto& [number, each] : peers()) count += is_worker(*each) && !each->leaving ? 1 : 0;
  set_connections(count);
}

void coordinator_base::judged(peer& of, liveness verdict) {
  if (is_coordinator(of)) return;
  dispatch_->set_suspect(of.number, verdict == liveness::suspect, read_clock());
}

void coordinator_base::handle_other(node_event& event) {
  auto* asked = std::get_if<stage_asked>(&event);
  if (!asked) return;
  const auto now = read_clock();
  if (auto* start = std::get_if<actors::start_message>(&asked->content)) {
    dispatch_->start(asked->branch, std::move(start->request), std::move(start->reply_to), now);
  } else if (auto* cancel = std::get_if<actors::cancel_message>(&asked->content)) {
    cancel->for_each([&](request_id id) {
      dispatch_->cancel(cancel->requester, id, cancel->request.reason, now);
    });
  }
}

void coordinator_base::look(instant now) {
  for (const auto& each : calls_.due(now)) {
    wires_->connect(each.where, each.ticket, shared_from_this());
  }
  dispatch_->look(now);
  sharing_.look(now);
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
