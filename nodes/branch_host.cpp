#include "branch_host.hpp"

#include "wire_values.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

struct branch_host::branch {
  branch_deployer::live live;
  std::shared_ptr<const failure> why_not{}; ///< it could not be made live
  std::string name;
  std::uint64_t used = 0;
};

struct branch_host::coordinator {
  explicit coordinator(coordinator_number which) : number(which) {}

  coordinator_number number;
  std::map<branch_number, std::shared_ptr<branch>> branches{};
  std::unordered_map<dispatch_number, std::uint64_t> open; // to the id given to the stages
  std::map<branch_number, std::uint32_t> interests{};
  // Cancels that came before the work, which travels longer, or after its end; oldest first.
  std::unordered_map<dispatch_number, std::shared_ptr<const failure>> early_cancels{};
  std::deque<dispatch_number> oldest_cancels{};
  results_writer results{};
  frame_writer progress{message_kind::progress};
  bool connected = true;
};

branch_host::branch_host(branch_host_options options, branch_deployer& deployer,
                         branch_host_port& port, std::shared_ptr<actors::mailbox> results,
                         usage_listener on_usage)
    : options_(options), deployer_(deployer), port_(port), results_(std::move(results)),
      on_usage_(std::make_shared<const usage_listener>(std::move(on_usage))) {}

branch_host::~branch_host() = default;

void branch_host::add_coordinator(coordinator_number from) {
  auto& made = coordinators_[from];
  if (made) return;
  made = std::make_unique<coordinator>(from);
}

void branch_host::lose_coordinator(coordinator_number from) {
  const auto found = coordinators_.find(from);
  if (found == coordinators_.end()) return;
  found->second->connected = false;
  if (found->second->open.empty()) coordinators_.erase(found);
}

void branch_host::cancel_all(coordinator_number from, const std::string& why) {
  const auto found = coordinators_.find(from);
  if (found == coordinators_.end()) return;
  const auto reason = std::make_shared<const failure>(failure{failure_kind::cancelled, why});
  for (const auto& [dispatch, id] : found->second->open) {
    open_.at(id).of->live.cancel(request_id{id}, reason, results_.get());
  }
}

void branch_host::take_deploy(coordinator_number from, const message& content) {
  const auto place = coordinators_.find(from);
  if (place == coordinators_.end()) return;
  const auto about = content.item(0);
  const auto number_item = about.at("branch");
  const auto* number = number_item.if_integer();
  if (!number) return;
  const auto key = text_at(about, "hash") + ' ' + text_at(about, "path") + ' '
                   + text_at(about, "shown_as") + ' ' + text_at(about, "name");
  auto& made = branches_[key];
  if (!made || made->why_not) {
    made = std::make_shared<branch>();
    made->name = text_at(about, "name");
    auto live = deployer_.deploy(about);
    if (live) made->live = *std::move(live);
    else made->why_not = std::make_shared<const failure>(live.why());
  }
  made->used = ++uses_;
  const auto wanted = about.at("interests");
  auto& to = *place->second;
  const auto place_of = static_cast<branch_number>(*number);
  to.interests[place_of] =
      wanted.if_integer() ? static_cast<std::uint32_t>(*wanted.if_integer()) : 0;
  to.branches[place_of] = made;
  forget_unused();
}

// Branches without a coordinator stay live for the next one that wants them, up to a bound.
void branch_host::forget_unused() {
  while (branches_.size() > options_.max_branches) {
    auto oldest = branches_.end();
    for (auto each = branches_.begin(); each != branches_.end(); ++each) {
      if (each->second.use_count() > 1) continue;
      if (oldest == branches_.end() || each->second->used < oldest->second->used) oldest = each;
    }
    if (oldest == branches_.end()) return;
    branches_.erase(oldest);
  }
}

void branch_host::take_retire(coordinator_number from, const message& content) {
  const auto place = coordinators_.find(from);
  if (place == coordinators_.end()) return;
  for (std::size_t index = 0; index < content.size(); ++index) {
    const auto item = content.item(index);
    if (const auto* number = item.if_integer()) {
      place->second->branches.erase(static_cast<branch_number>(*number));
      place->second->interests.erase(static_cast<branch_number>(*number));
    }
  }
}

void branch_host::take_work(coordinator_number from, const message& content, instant now) {
  const auto place = coordinators_.find(from);
  if (place == coordinators_.end()) return;
  auto& asker = *place->second;
  for (std::size_t index = 0; index < content.size(); ++index) {
    const auto item = content.item(index);
    auto request = read_request(item, now);
    if (request) {
      open(asker, *std::move(request));
      continue;
    }
    const auto number = item.at(std::size_t{0});
    if (!number.if_integer()) continue;
    refuse(
        asker, static_cast<dispatch_number>(*number.if_integer()), "",
        {failure_kind::malformed, "the worker cannot read the request: " + request.why().message});
  }
}

void branch_host::refuse(coordinator& to, dispatch_number number, const std::string& name,
                         failure why) {
  step_result result;
  result.name = name;
  result.why = std::make_shared<const failure>(std::move(why));
  static const run_scope nobody(run_id(), "", instant(), {});
  (void)to.results.add(number, result, {}, nobody);
  wrote(to, to.results);
}

void branch_host::open(coordinator& from, remote_request request) {
  const auto found = from.branches.find(request.branch);
  if (found == from.branches.end()) {
    return refuse(from, request.dispatch, "",
                  {failure_kind::permanent,
                   "the worker was told nothing of branch " + std::to_string(request.branch)});
  }
  // A peer that says it twice does not get it twice.
  if (from.open.count(request.dispatch) > 0) return;
  const auto& of = found->second;
  of->used = ++uses_;
  if (of->why_not) return refuse(from, request.dispatch, of->name, *of->why_not);
  if (const auto cancelled = from.early_cancels.extract(request.dispatch)) {
    return refuse(from, request.dispatch, of->name, *cancelled.mapped());
  }
  const auto id = ++last_id_;
  auto& made = request.request;
  made.id = request_id{id};
  by_run_.emplace(made.run.get(), id);
  made.meter = std::make_shared<usage_meter>(
      usage_limit{}, made.run->meter(),
      [tell = on_usage_, run = made.run.get()](const usage& spent) { (*tell)(run, spent); });
  from.open.emplace(request.dispatch, id);
  open_.emplace(
      id, job{&from, request.dispatch, of, made.run, made.ctx, from.interests[request.branch]});
  of->live.open(std::move(made), results_);
}

void branch_host::take_cancel(coordinator_number from, const message& content) {
  const auto place = coordinators_.find(from);
  if (place == coordinators_.end()) return;
  for (std::size_t index = 0; index < content.size(); ++index) {
    const auto item = content.item(index);
    const auto* parts = item.if_list();
    if (!parts || parts->empty()) continue;
    const auto* why = parts->front().if_text();
    const auto reason =
        std::make_shared<const failure>(failure{failure_kind::cancelled, why ? *why : "cancelled"});
    for (std::size_t part = 1; part < parts->size(); ++part) {
      const auto* number = (*parts)[part].if_integer();
      if (number) cancel(*place->second, static_cast<dispatch_number>(*number), reason);
    }
  }
}

void branch_host::cancel(coordinator& from, dispatch_number dispatch,
                         const std::shared_ptr<const failure>& reason) {
  const auto found = from.open.find(dispatch);
  if (found != from.open.end()) {
    return open_.at(found->second)
        .of->live.cancel(request_id{found->second}, reason, results_.get());
  }
  if (!from.early_cancels.emplace(dispatch, reason).second) return;
  from.oldest_cancels.push_back(dispatch);
  if (from.oldest_cancels.size() <= options_.max_early_cancels) return;
  from.early_cancels.erase(from.oldest_cancels.front());
  from.oldest_cancels.pop_front();
}

void branch_host::take_result(step_result result) {
  const auto found = open_.find(static_cast<std::uint64_t>(result.id));
  if (found == open_.end()) return;
  const auto work = std::move(found->second);
  open_.erase(found);
  by_run_.erase(work.run.get());
  auto& to = *work.from;
  to.open.erase(work.dispatch);
  ++done_;
  if (to.connected) {
    write_result(to, work, result);
  } else if (to.open.empty()) {
    coordinators_.erase(to.number);
  }
}

void branch_host::write_result(coordinator& to, const job& work, const step_result& result) {
  const auto written = to.results.add(work.dispatch, result, work.before, *work.run);
  if (written) return wrote(to, to.results);
  refuse(to, work.dispatch, "",
         {failure_kind::permanent,
          "the output or context cannot travel to the coordinator: " + written.why().message});
}

// What happened in a request goes before its result.
void branch_host::wrote(coordinator& to, results_writer& writer) {
  if (writer.bytes() < options_.max_bytes_in_frame) return;
  if (to.progress.items() > 0) port_.send(to.number, to.progress.take());
  port_.send(to.number, writer.take());
}

void branch_host::wrote(coordinator& to, frame_writer& writer) {
  if (writer.bytes() >= options_.max_bytes_in_frame) port_.send(to.number, writer.take());
}

void branch_host::take_event(const run_scope* run, event_kind kind, value::list_type event) {
  const auto found = by_run_.find(run);
  if (found == by_run_.end()) return;
  const auto& work = open_.at(found->second);
  if (!work.from->connected) return;
  if ((work.interests >> static_cast<unsigned>(kind) & 1u) == 0) return;
  event[0] = work.dispatch;
  (void)work.from->progress.add_list(event);
  wrote(*work.from, work.from->progress);
}

void branch_host::take_usage(const run_scope* run, const usage& spent) {
  const auto found = by_run_.find(run);
  if (found == by_run_.end()) return;
  const auto& work = open_.at(found->second);
  if (!work.from->connected) return;
  (void)work.from->progress.add(write_usage(work.dispatch, spent));
  wrote(*work.from, work.from->progress);
}

std::size_t branch_host::open_of(coordinator_number from) const {
  const auto found = coordinators_.find(from);
  return found == coordinators_.end() ? 0 : found->second->open.size();
}

void branch_host::hand_back(const std::string& why) {
  const auto reason = std::make_shared<const failure>(failure{failure_kind::cancelled, why});
  for (auto& [id, work] : open_) {
    if (work.from->connected) {
      work.from->results.hand_back(work.dispatch, reason);
      wrote(*work.from, work.from->results);
    }
    work.from->open.erase(work.dispatch);
    work.of->live.cancel(request_id{id}, reason, results_.get());
  }
  by_run_.clear();
  open_.clear();
  std::erase_if(coordinators_, [](const auto& each) { return !each.second->connected; });
}

void branch_host::flush() {
  for (const auto& [number, each] : coordinators_) {
    if (!each->connected) continue;
    if (each->progress.items() > 0) port_.send(number, each->progress.take());
    if (!each->results.empty()) port_.send(number, each->results.take());
  }
}

} // namespace troupe::nodes
