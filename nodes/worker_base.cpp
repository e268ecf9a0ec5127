#include "worker_base.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

/// Where the stages send what they have done.
class worker_base::results_mailbox final : public actors::mailbox {
public:
  void put(actors::message content) override {
    auto* end = std::get_if<actors::result_message>(&content);
    if (!end) return;
    if (const auto home = home_.lock()) home->post(stage_answered{std::move(end->result)});
  }
  std::weak_ptr<worker_base> home_;
};

worker_base::worker_base(node_options options, std::unique_ptr<transport> wires, std::uint64_t seed,
                         std::function<instant()> clock)
    : node_base(std::move(options), std::move(wires), std::move(clock)),
      homes_(options_.coordinators, seed) {}

worker_base::~worker_base() = default;

void worker_base::begin_hosting(branch_deployer& deployer) {
  const auto self = std::static_pointer_cast<worker_base>(shared_from_this());
  results_ = std::make_shared<results_mailbox>();
  results_->home_ = self;
  const auto on_usage = [home = std::weak_ptr(self)](const run_scope* run, const usage& spent) {
    if (const auto alive = home.lock()) alive->post(usage_told{run, spent});
  };
  host_.emplace(branch_host_options{}, deployer, *this, results_, on_usage);
}

void worker_base::leave() {
  leaving_ = true;
  for (const auto& [number, each] : peers()) {
    if (each->is_known) say(*each, write_frame(message_kind::leaving));
  }
}

void worker_base::opened(peer& with, std::uint64_t ticket) {
  if (!homes_.opened(ticket, with.number) || leaving_) return drop(with, "nobody asked for it");
  say(with, write_frame(message_kind::hello, {to_value(facts_)}));
}

void worker_base::said(peer& by, message& content) {
  switch (content.kind) {
  case message_kind::welcome: return welcomed(by, content);
  case message_kind::refusal: {
    const auto why = content.item(0);
    const auto text = why.if_text() ? *why.if_text() : std::string("it does not say why");
    homes_.refused(by.number);
    return drop(by, "it refused this worker: " + text);
  }
  case message_kind::deploy: {
    const auto interests = content.item(0).at("interests");
    if (interests.if_integer()) wanted(static_cast<std::uint32_t>(*interests.if_integer()));
    return host_->take_deploy(by.number, content);
  }
  case message_kind::retire: return host_->take_retire(by.number, content);
  case message_kind::work: return host_->take_work(by.number, content, read_clock());
  case message_kind::cancel: return host_->take_cancel(by.number, content);
  case message_kind::drain: return leave();
  default:
    return drop(by, "it sent a `" + std::string(to_string(content.kind))
                        + "`, which is not for a worker");
  }
}

void worker_base::welcomed(peer& by, const message& content) {
  if (by.is_known) return drop(by, "it said welcome twice");
  auto theirs = node_facts_from(content.item(0));
  const auto misfit = theirs ? incompatible(facts_, *theirs) : std::optional(theirs.why().message);
  if (misfit) return drop(by, *misfit);
  by.facts = *std::move(theirs);
  by.is_known = true;
  homes_.welcomed(by.number);
  // What it asked for before the link broke it has given to others meanwhile.
  for (const auto& each : orphans_) {
    if (each.name == by.facts.identity.name) host_->cancel_all(each.from, "the link was lost");
  }
  host_->add_coordinator(by.number);
  count_coordinators();
}

void worker_base::ended(peer& with, const std::string& why) {
  const auto news = homes_.ended(with.number, why, read_clock());
  if (news && !leaving_) tell(*news);
  if (!with.is_known) return;
  const auto until = later(read_clock(), options_.orphan_grace);
  orphans_.push_back({with.number, with.facts.identity.name, until});
  host_->lose_coordinator(with.number);
  count_coordinators();
}

void worker_base::failed_to_connect(std::uint64_t ticket, const std::string& why) {
  const auto news = homes_.failed(ticket, why, read_clock());
  if (news && !leaving_) tell(*news);
}

void worker_base::handle_other(node_event& event) {
  if (auto* answered = std::get_if<stage_answered>(&event)) {
    host_->take_result(std::move(answered->result));
  } else if (auto* told = std::get_if<run_told>(&event)) {
    host_->take_event(told->run, told->kind, std::move(told->event));
  } else if (auto* spent = std::get_if<usage_told>(&event)) {
    host_->take_usage(spent->run, spent->spent);
  }
}

void worker_base::look(instant now) {
  if (!leaving_) {
    for (const auto& each : homes_.due(now)) {
      wires_->connect(each.where, each.ticket, shared_from_this());
    }
  }
  std::erase_if(orphans_, [&](const orphaned& each) {
    if (now < each.until) return false;
    host_->cancel_all(each.from, "the coordinator was lost");
    return true;
  });
}

bool worker_base::is_quiet(const peer& with) const {
  return host_->open_of(with.number) <= few_requests;
}

void worker_base::rest() {
  host_->flush();
}

void worker_base::send(coordinator_number to, frame body) {
  if (auto* with = find_peer(to)) say(*with, std::move(body));
}

void worker_base::count_coordinators() {
  std::size_t count = 0;
  for (const auto& [number, each] : peers()) count += each->is_known ? 1 : 0;
  set_connections(count);
}

} // namespace troupe::nodes
