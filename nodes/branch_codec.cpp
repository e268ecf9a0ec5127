#include "branch_codec.hpp"

#include <troupe/protocol/portable.hpp>

#include <algorithm>
#include <utility>

namespace troupe::nodes {

namespace {

failure malformed(std::string message) {
  return {failure_kind::malformed, std::move(message)};
}

std::int64_t integer_of(const value& from, std::int64_t otherwise = 0) {
  const auto* number = from.if_integer();
  return number ? *number : otherwise;
}

std::string text_of(const value& from) {
  const auto* text = from.if_text();
  return text ? *text : std::string();
}

bool flag_of(const value& from) {
  const auto* flag = from.if_bool();
  return flag && *flag;
}

value bytes_of(const run_id& id) {
  return value::binary({id.bytes().begin(), id.bytes().end()});
}

value turns_of(const turn* innermost) {
  if (!innermost) return {};
  value::list_type all;
  for (; innermost; innermost = innermost->outer.get()) all.emplace_back(innermost->index);
  return value::list(std::move(all));
}

std::shared_ptr<const turn> read_turns(const value& from) {
  const auto* all = from.if_list();
  if (!all) return nullptr;
  std::shared_ptr<const turn> made;
  for (auto each = all->rbegin(); each != all->rend(); ++each) {
    made = std::make_shared<const turn>(
        turn{static_cast<std::uint64_t>(integer_of(*each)), std::move(made)});
  }
  return made;
}

value limits_of(const run_scope& run) {
  const auto& limit = run.meter()->limit();
  if (!limit.cost_usd && !limit.tokens) return {};
  const auto spent = run.meter()->total();
  return value::list({limit.cost_usd ? value(*limit.cost_usd) : value(),
                      limit.tokens ? value(*limit.tokens) : value(), spent.cost_usd, spent.tokens});
}

usage_limit read_limit(const value& from) {
  usage_limit limit;
  if (const auto cost = from.at(std::size_t{0}); cost.is_number())
    limit.cost_usd = cost.to_double();
  if (const auto tokens = from.at(std::size_t{1}); tokens.if_integer()) {
    limit.tokens = *tokens.if_integer();
  }
  return limit;
}

// Most contexts are called as their run is; then that is all there is to say.
value identity_of(const context& ctx, const run_scope& run) {
  auto all = ctx.identity_to_value();
  if (all.size() > 2 || ctx.id() != ctx.correlation_id()) return all;
  return ctx.id() == run.id().to_string() ? value() : all;
}

context read_context(const run_id& run, const value& identity, const value& entries) {
  if (!identity.is_null()) return context::from_values(identity, entries);
  const auto name = run.to_string();
  return context::from_values(value::list({name, name}), entries);
}

value::list_type without_tail(value::list_type items) {
  while (!items.empty() && items.back().is_null()) items.pop_back();
  return items;
}

// What a run has counted in another process; null when nothing.
value counts_of(const run_scope& run) {
  const auto checkpoints = run.checkpoints();
  const auto retries = run.retry_count.load();
  const auto state = run.circuit_breaker_state.load();
  if (checkpoints.empty() && retries == 0 && state == 0 && !run.cache_hit && !run.fallback_used) {
    return {};
  }
  value::list_type marks;
  for (const auto& each : checkpoints) {
    marks.push_back(value::list({each.name, each.at.count()}));
  }
  return value::list({retries, run.cache_hit.load(), run.fallback_used.load(),
                      static_cast<std::int64_t>(state), value::list(std::move(marks))});
}

value changes_of(const value_tree& before, const value_tree& after) {
  if (before.same_version(after)) return {};
  value::map_type set;
  value::list_type erased;
  for (const auto& change : value_tree::diff(before, after)) {
    if (change.after) set.emplace_back(change.key, to_portable(*change.after));
    else erased.emplace_back(change.key);
  }
  return value::list({value::map(std::move(set)), value::list(std::move(erased))});
}

// Most results are short: without a history, and with a failure that has no cause.
bool is_plain(const step_result& result) {
  return !result.metadata_ && result.step_history.empty() && !(result.why && result.why->cause);
}

value short_failure(const step_result& result) {
  if (!result.why) return {};
  const auto& why = *result.why;
  return value::list({to_string(why.kind), why.message,
                      why.retry_after ? value(why.retry_after->count()) : value(), why.step});
}

std::shared_ptr<const failure> read_short_failure(const value& from) {
  const auto kind = failure_kind_from(text_of(from.at(std::size_t{0})));
  failure why{kind.value_or(failure_kind::unclassified), text_of(from.at(1))};
  const auto wait = from.at(2);
  if (const auto* length = wait.if_integer()) why.retry_after = duration(*length);
  why.step = text_of(from.at(3));
  return std::make_shared<const failure>(std::move(why));
}

} // namespace

value write_request(dispatch_number dispatch, branch_number branch, const step_request& request,
                    instant now) {
  const auto& run = *request.run;
  const auto left =
      request.deadline == no_deadline ? value() : value((request.deadline - now).count());
  return value::list(without_tail({
      dispatch,
      branch,
      bytes_of(run.id()),
      to_portable(request.input),
      request.ctx.size() == 0 ? value() : to_portable(request.ctx.to_value()),
      (now - run.started()).count(),
      request.attempt,
      left,
      turns_of(request.turns.get()),
      identity_of(request.ctx, run),
      limits_of(run),
      request.ticket,
      request.shielded ? value(true) : value(),
  }));
}

outcome<remote_request> read_request(const value& content, instant now) {
  const auto* items = content.if_list();
  if (!items || items->size() < 3) return malformed("a request is no list of its parts");
  const auto at = [&](std::size_t index) { return content.at(index); };
  const auto id_item = at(2);
  const auto* bytes = id_item.if_binary();
  const auto id = bytes ? run_id::from_bytes(*bytes) : std::nullopt;
  if (!id) return malformed("a request says not which run it belongs to");
  remote_request made;
  made.dispatch = static_cast<dispatch_number>(integer_of(at(0)));
  made.branch = static_cast<branch_number>(integer_of(at(1)));
  auto& request = made.request;
  request.id = request_id{made.dispatch};
  request.input = from_portable(at(3));
  if (!at(4).is_null() && !at(4).is_map()) return malformed("the context of a request is no map");
  request.ctx = read_context(*id, at(9), from_portable(at(4)));
  request.attempt =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(integer_of(at(6), 1), 1, UINT32_MAX));
  if (const auto left = at(7); left.if_integer())
    request.deadline = later(now, duration(*left.if_integer()));
  request.turns = read_turns(at(8));
  request.ticket = at(11);
  request.shielded = flag_of(at(12));
  const auto started = now - duration(std::max<std::int64_t>(0, integer_of(at(5))));
  request.run =
      std::make_shared<run_scope>(*id, request.ctx.correlation_id(), started, read_limit(at(10)));
  const auto limits = at(10);
  request.run->meter()->add({limits.at(std::size_t{2}).to_double(), integer_of(limits.at(3))});
  request.meter = request.run->meter();
  return made;
}

value write_result(dispatch_number dispatch, const step_result& result, const context& before,
                   const run_scope& run) {
  auto body =
      is_plain(result) ? value::list(without_tail(
          {to_portable(result.output), result.attempts == 1 ? value() : value(result.attempts),
           result.spent.cost_usd == 0 ? value() : value(result.spent.cost_usd),
           result.spent.tokens == 0 ? value() : value(result.spent.tokens), short_failure(result)}))
                       : troupe::to_value(result).with("output", to_portable(result.output));
  return value::list(without_tail(
      {dispatch, std::move(body), changes_of(before.data(), result.ctx.data()), counts_of(run)}));
}

outcome<remote_result> read_result(const value& content) {
  remote_result made;
  const auto number = content.at(std::size_t{0});
  if (!number.if_integer()) return malformed("a result says not what it answers");
  made.dispatch = static_cast<dispatch_number>(*number.if_integer());
  made.content = content;
  const auto body = content.at(1);
  if (body.is_map()) {
    auto read = step_result_from(body);
    if (!read) return read.why();
    made.result = *std::move(read);
    made.result.output = from_portable(made.result.output);
    return made;
  }
  if (!body.is_list()) return malformed("a result has no content");
  made.result.output = from_portable(body.at(std::size_t{0}));
  made.result.attempts = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(integer_of(body.at(1), 1), 0, UINT32_MAX));
  made.result.spent = {body.at(2).to_double(), integer_of(body.at(3))};
  if (const auto why = body.at(4); why.is_list()) made.result.why = read_short_failure(why);
  return made;
}

void settle_result(remote_result& result, const step_request& request, instant sent) {
  auto& answer = result.result;
  answer.ctx = request.ctx;
  const auto changes = result.content.at(2);
  const auto set = changes.at(std::size_t{0});
  if (const auto* members = set.if_map()) {
    for (const auto& [key, content] : *members) answer.ctx.set(key, from_portable(content));
  }
  const auto erased = changes.at(1);
  if (const auto* keys = erased.if_list()) {
    for (const auto& key : *keys) answer.ctx.erase(text_of(key));
  }
  const auto counts = result.content.at(3);
  if (!counts.is_list()) return;
  auto& run = *request.run;
  run.retry_count += static_cast<std::uint32_t>(integer_of(counts.at(std::size_t{0})));
  if (flag_of(counts.at(1))) run.cache_hit = true;
  if (flag_of(counts.at(2))) run.fallback_used = true;
  const auto marks = counts.at(4);
  const auto* all = marks.if_list();
  if (!all) return;
  for (const auto& each : *all) {
    const auto at = run.started() + duration(integer_of(each.at(1)));
    run.add_checkpoint(text_of(each.at(std::size_t{0})), std::max(at, sent));
  }
}

value write_usage(dispatch_number dispatch, const usage& spent) {
  return value::list({dispatch, -1, spent.cost_usd, spent.tokens});
}

std::optional<usage> read_usage(const value& content) {
  if (integer_of(content.at(1)) != -1) return std::nullopt;
  return usage{content.at(2).to_double(), integer_of(content.at(3))};
}

value::list_type write_event(const run_event& event, const run_scope& run) {
  return without_tail({
      {},
      static_cast<std::int64_t>(event.kind),
      (event.at - run.started()).count(),
      event.step.empty() ? value() : value(event.step),
      event.path.empty() ? value() : value(event.path),
      event.attempt,
      turns_of(event.turns),
      event.delay == duration::zero() ? value() : value(event.delay.count()),
      event.detail.empty() ? value() : value(event.detail),
      event.why ? troupe::to_value(*event.why) : value(),
      event.result ? troupe::to_value(*event.result) : value(),
  });
}

outcome<std::unique_ptr<remote_event>> read_event(const value& content) {
  const auto at = [&](std::size_t index) { return content.at(index); };
  const auto kind = integer_of(at(1), -1);
  if (kind < 0 || kind > static_cast<std::int64_t>(event_kind::warning)) {
    return malformed("an event is of no known kind");
  }
  auto made = std::make_unique<remote_event>();
  made->dispatch = static_cast<dispatch_number>(integer_of(at(0)));
  made->since_start = duration(integer_of(at(2)));
  made->step = text_of(at(3));
  made->path = text_of(at(4));
  made->turns = read_turns(at(6));
  made->detail = text_of(at(8));
  if (const auto why = at(9); !why.is_null()) {
    auto read = failure_from(why);
    if (!read) return read.why();
    made->why = *std::move(read);
  }
  if (const auto result = at(10); !result.is_null()) {
    auto read = step_result_from(result);
    if (!read) return read.why();
    made->result = std::make_shared<step_result>(*std::move(read));
  }
  auto& event = made->event;
  event.kind = static_cast<event_kind>(kind);
  event.step = made->step;
  event.path = made->path;
  event.detail = made->detail;
  event.attempt = static_cast<std::uint32_t>(integer_of(at(5)));
  event.delay = duration(integer_of(at(7)));
  event.turns = made->turns.get();
  event.why = made->why.get();
  event.result = made->result.get();
  return made;
}

} // namespace troupe::nodes
