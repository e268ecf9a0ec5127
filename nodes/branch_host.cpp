#include "branch_host.hpp"

#include <algorithm>
#include <utility>

namespace troupe::nodes {

namespace {

std::string text_at(const value& from, std::string_view key) {
  const auto found = from.at(key);
  const auto* text = found.if_text();
  return text ? *text : std::string();
}

} // namespace

struct branch_host::branch {
  branch_deployer::live live;
  std::shared_ptr<const failure> why_not{}; ///< it could not be made live
  std::string name;
  std::uint64_t used = 0;
};

struct branch_host::coordinator {
  coordinator_number number = 0;
  std::map<branch_number, std::shared_ptr<branch>> branches{};
  std::unordered_map<dispatch_number, std::uint64_t> open{}; // to the id given to the stages
  std::map<branch_number, std::uint32_t> interests{};
  frame_writer results{message_kind::results};
  frame_writer progress{message_kind::progress};
  bool connected = true;
};

struct branch_host::job {
  coordinator* from = nullptr;
  dispatch_number dispatch = 0;
  std::shared_ptr<branch> of{};
  std::shared_ptr<run_scope> run{};
  context before{};
  std::uint32_t interests = 0;
};

branch_host::branch_host(branch_host_options options, branch_deployer& deployer,
                         branch_host_port& port, std::shared_ptr<actors::mailbox> results,
                         usage_listener on_usage)
    : options_(options), deployer_(deployer), port_(port), results_(std::move(results)),
      on_usage_(std::move(on_usage)) {}

branch_host::~branch_host() = default;

void branch_host::add_coordinator(coordinator_number from) {
  auto made = std::make_unique<coordinator>();
  made->number = from;
  coordinators_.insert_or_assign(from, std::move(made));
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
  write(to, to.results, write_result(number, result, {}, nobody));
}

void branch_host::open(coordinator& from, remote_request request) {
  const auto found = from.branches.find(request.branch);
  if (found == from.branches.end()) {
    return refuse(from, request.dispatch, "",
                  {failure_kind::permanent,
                   "the worker was told nothing of branch " + std::to_string(request.branch)});
  }
  const auto& of = found->second;
  of->used = ++uses_;
  if (of->why_not) return refuse(from, request.dispatch, of->name, *of->why_not);
  const auto id = ++last_id_;
  auto& made = request.request;
  made.id = request_id{id};
  job work{&from, request.dispatch, of, made.run, made.ctx, from.interests[request.branch]};
  by_run_.emplace(made.run.get(), id);
  made.meter = std::make_shared<usage_meter>(
      usage_limit{}, made.run->meter(),
      [tell = on_usage_, run = made.run.get()](const usage& spent) { tell(run, spent); });
  from.open.emplace(request.dispatch, id);
  open_.emplace(id, std::move(work));
  of->live.open(std::move(made), results_);
}

void branch_host::take_cancel(coordinator_number from, const message& content) {
  const auto place = coordinators_.find(from);
  if (place == coordinators_.end()) return;
  for (std::size_t index = 0; index < content.size(); ++index) {
    const auto item = content.item(index);
    const auto number = item.at(std::size_t{0});
    const auto reason = item.at(1);
    if (!number.if_integer()) continue;
    const auto found = place->second->open.find(static_cast<dispatch_number>(*number.if_integer()));
    if (found == place->second->open.end()) continue;
    open_.at(found->second)
        .of->live.cancel(
            request_id{found->second},
            std::make_shared<const failure>(failure{
                failure_kind::cancelled, reason.if_text() ? *reason.if_text() : "cancelled"}),
            results_.get());
  }
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
    write(to, to.results, write_result(work.dispatch, result, work.before, *work.run));
  } else if (to.open.empty()) {
    coordinators_.erase(to.number);
  }
}

void branch_host::write(coordinator& to, frame_writer& writer, const value& item) {
  if (auto written = writer.add(item); !written) {
    const auto number = item.at(std::size_t{0});
    if (&writer != &to.results || !number.if_integer()) return;
    return refuse(
        to, static_cast<dispatch_number>(*number.if_integer()), "",
        {failure_kind::permanent,
         "the output or context cannot travel to the coordinator: " + written.why().message});
  }
  if (writer.bytes() < options_.max_bytes_in_frame) return;
  // What happened in a request goes before its result.
  if (&writer == &to.results && to.progress.items() > 0) {
    port_.send(to.number, to.progress.take());
  }
  port_.send(to.number, writer.take());
}

void branch_host::take_event(const run_scope* run, event_kind kind, value::list_type event) {
  const auto found = by_run_.find(run);
  if (found == by_run_.end()) return;
  const auto& work = open_.at(found->second);
  if (!work.from->connected) return;
  if ((work.interests >> static_cast<unsigned>(kind) & 1u) == 0) return;
  event[0] = work.dispatch;
  write(*work.from, work.from->progress, value::list(std::move(event)));
}

void branch_host::take_usage(const run_scope* run, const usage& spent) {
  const auto found = by_run_.find(run);
  if (found == by_run_.end()) return;
  const auto& work = open_.at(found->second);
  if (!work.from->connected) return;
  write(*work.from, work.from->progress, write_usage(work.dispatch, spent));
}

void branch_host::hand_back(const std::string& why) {
  const auto reason = std::make_shared<const failure>(failure{failure_kind::cancelled, why});
  for (auto& [id, work] : open_) {
    work.from->open.erase(work.dispatch);
    work.of->live.cancel(request_id{id}, reason, results_.get());
    if (!work.from->connected) continue;
    step_result unfinished;
    unfinished.why = reason;
    auto item = value::list({work.dispatch, troupe::to_value(unfinished), {}, {}, true});
    write(*work.from, work.from->results, item);
  }
  by_run_.clear();
  open_.clear();
}

void branch_host::flush() {
  for (const auto& [number, each] : coordinators_) {
    if (!each->connected) continue;
    if (each->progress.items() > 0) port_.send(number, each->progress.take());
    if (each->results.items() > 0) port_.send(number, each->results.take());
  }
}

} // namespace troupe::nodes
