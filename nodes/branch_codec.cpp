#include "branch_codec.hpp"

#include "wire_values.hpp"

#include <troupe/protocol/portable.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace troupe::nodes {

namespace {

failure malformed(std::string message) {
  return {failure_kind::malformed, std::move(message)};
}

// As two numbers, which cost nothing to keep.
std::uint64_t half_of(const run_id& id, std::size_t which) {
  std::uint64_t half = 0;
  for (std::size_t place = 0; place < 8; ++place) half = half << 8 | id.bytes()[8 * which + place];
  return half;
}

std::optional<std::uint64_t> number_of(const value& from) {
  if (const auto* number = from.if_unsigned()) return *number;
  if (const auto* number = from.if_integer(); number && *number >= 0) {
    return static_cast<std::uint64_t>(*number);
  }
  return std::nullopt;
}

std::optional<run_id> read_id(const value& first, const value& second) {
  const std::optional<std::uint64_t> halves[] = {number_of(first), number_of(second)};
  if (!halves[0] || !halves[1]) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t place = 0; place < bytes.size(); ++place) {
    bytes[place] = static_cast<std::uint8_t>(*halves[place / 8] >> (56 - 8 * (place % 8)));
  }
  return run_id::from_bytes(bytes);
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
  const auto is_usual =
      ctx.has_only_ids() && ctx.id() == ctx.correlation_id() && run.id().is_spelled(ctx.id());
  return is_usual ? value() : ctx.identity_to_value();
}

context read_context(const run_id& run, const value& identity, const value& entries) {
  if (!identity.is_null()) return context::from_values(identity, entries);
  auto name = run.to_string();
  return context("", entries).with_ids(name, name);
}

/// The parts of a list, where those that were left out at its end are null.
class parts_of {
public:
  explicit parts_of(const value& content) : items_(content.if_list()) {}
  [[nodiscard]] std::size_t count() const { return items_ ? items_->size() : 0; }
  const value& operator()(std::size_t index) const {
    static const value nothing;
    return index < count() ? (*items_)[index] : nothing;
  }

private:
  const value::list_type* items_;
};

// What a run has counted in another process; null when nothing.
value counts_of(const run_scope& run) {
  const auto checkpoints = run.checkpoints();
  const auto retries = run.retry_count.load();
  if (checkpoints.empty() && retries == 0 && !run.cache_hit && !run.fallback_used) return {};
  value::list_type marks;
  for (const auto& each : checkpoints) {
    marks.push_back(value::list({each.name, each.at.count()}));
  }
  return value::list(
      {retries, run.cache_hit.load(), run.fallback_used.load(), value::list(std::move(marks))});
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

outcome<std::size_t> write_request(frame_writer& to, dispatch_number dispatch, branch_number branch,
                                   const step_request& request, instant now) {
  const auto& run = *request.run;
  const auto left =
      request.deadline == no_deadline ? value() : value((request.deadline - now).count());
  const value parts[] = {
      dispatch,
      branch,
      half_of(run.id(), 0),
      half_of(run.id(), 1),
      to_portable(request.input),
      (now - run.started()).count(),
      request.attempt == 1 ? value() : value(request.attempt),
      request.ctx.size() == 0 ? value() : to_portable(request.ctx.to_value()),
      left,
      turns_of(request.turns.get()),
      identity_of(request.ctx, run),
      limits_of(run),
      request.ticket,
      request.shielded ? value(true) : value(),
  };
  return to.add_list(parts);
}

outcome<remote_request> read_request(const value& content, instant now) {
  const parts_of at(content);
  if (at.count() < 4) return malformed("a request is no list of its parts");
  const auto id = read_id(at(2), at(3));
  if (!id) return malformed("a request says not which run it belongs to");
  remote_request made;
  made.dispatch = static_cast<dispatch_number>(integer_of(at(0)));
  made.branch = static_cast<branch_number>(integer_of(at(1)));
  auto& request = made.request;
  request.id = request_id{made.dispatch};
  request.input = from_portable(at(4));
  request.attempt =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(integer_of(at(6), 1), 1, UINT32_MAX));
  if (!at(7).is_null() && !at(7).is_map()) return malformed("the context of a request is no map");
  request.ctx = read_context(*id, at(10), from_portable(at(7)));
  if (const auto* left = at(8).if_integer()) request.deadline = later(now, duration(*left));
  request.turns = read_turns(at(9));
  request.ticket = at(12);
  request.shielded = flag_of(at(13));
  const auto started = now - duration(std::max<std::int64_t>(0, integer_of(at(5))));
  const auto& limits = at(11);
  request.run =
      std::make_shared<run_scope>(*id, request.ctx.correlation_id(), started, read_limit(limits));
  if (!limits.is_null()) {
    request.run->meter()->add({limits.at(std::size_t{2}).to_double(), integer_of(limits.at(3))});
  }
  request.meter = request.run->meter();
  return made;
}

namespace {

// Where the parts of a result are.
enum result_part : std::size_t {
  part_dispatch,
  part_form,
  part_output, ///< or the whole result
  part_attempts,
  part_cost,
  part_tokens,
  part_failure,
  part_changes, ///< of the context
  part_counts,  ///< of the run
  result_parts
};

constexpr std::int64_t form_short = 0;       ///< the parts say it all
constexpr std::int64_t form_whole = 1;       ///< with a history and the like
constexpr std::int64_t form_handed_back = 2; ///< work that has not ended

} // namespace

outcome<std::size_t> write_result(frame_writer& to, dispatch_number dispatch,
                                  const step_result& result, const context& before,
                                  const run_scope& run) {
  std::array<value, result_parts> parts;
  parts[part_dispatch] = dispatch;
  parts[part_changes] = changes_of(before.data(), result.ctx.data());
  parts[part_counts] = counts_of(run);
  if (!is_plain(result)) {
    parts[part_form] = form_whole;
    parts[part_output] = troupe::to_value(result).with("output", to_portable(result.output));
    return to.add_list(parts);
  }
  parts[part_form] = form_short;
  parts[part_output] = to_portable(result.output);
  if (result.attempts != 1) parts[part_attempts] = result.attempts;
  if (result.spent.cost_usd != 0) parts[part_cost] = result.spent.cost_usd;
  if (result.spent.tokens != 0) parts[part_tokens] = result.spent.tokens;
  parts[part_failure] = short_failure(result);
  return to.add_list(parts);
}

outcome<std::size_t> write_hand_back(frame_writer& to, dispatch_number dispatch,
                                     const std::shared_ptr<const failure>& why) {
  step_result unfinished;
  unfinished.why = why;
  std::array<value, result_parts> parts;
  parts[part_dispatch] = dispatch;
  parts[part_failure] = short_failure(unfinished);
  parts[part_form] = form_handed_back;
  return to.add_list(parts);
}

namespace {

// Nothing is to be said of it but why it failed.
bool only_failed(const step_result& result, const context& before, const run_scope& run) {
  constexpr std::size_t longest = 1'024;
  return result.why && result.why->message.size() <= longest && is_plain(result)
         && result.output.is_null() && result.attempts == 1 && result.spent == usage{}
         && result.ctx.data().same_version(before.data()) && counts_of(run).is_null();
}

bool say_the_same(const failure& left, const failure& right) {
  return left.kind == right.kind && left.message == right.message && left.step == right.step
         && left.retry_after == right.retry_after;
}

} // namespace

outcome<std::size_t> results_writer::add(dispatch_number dispatch, const step_result& result,
                                         const context& before, const run_scope& run) {
  if (only_failed(result, before, run)) {
    if (!join(dispatch, *result.why)) {
      close_item();
      alike_.emplace_back(dispatch);
      why_ = result.why;
    }
    return std::size_t{0};
  }
  close_item();
  return write_result(written_, dispatch, result, before, run);
}

bool results_writer::join(dispatch_number dispatch, const failure& why) {
  constexpr std::size_t most = 512;
  if (alike_.empty() || alike_.size() == most || !say_the_same(*why_, why)) return false;
  alike_.emplace_back(dispatch);
  return true;
}

void results_writer::close_item() {
  if (alike_.empty()) return;
  step_result ended;
  ended.why = std::exchange(why_, nullptr);
  std::array<value, result_parts> parts;
  auto all = std::exchange(alike_, {});
  parts[part_dispatch] = all.size() == 1 ? std::move(all.front()) : value::list(std::move(all));
  parts[part_form] = form_short;
  parts[part_failure] = short_failure(ended);
  (void)written_.add_list(parts); // it is short, and holds nothing that cannot travel
}

void results_writer::hand_back(dispatch_number dispatch,
                               const std::shared_ptr<const failure>& why) {
  close_item();
  (void)write_hand_back(written_, dispatch, why);
}

std::size_t results_writer::bytes() const noexcept {
  constexpr std::size_t of_number = 9;
  return written_.bytes() + alike_.size() * of_number;
}

frame results_writer::take() {
  close_item();
  return written_.take();
}

std::vector<dispatch_number> answered_by(const value& content) {
  std::vector<dispatch_number> numbers;
  const parts_of at(content);
  const auto note = [&](const value& each) {
    if (const auto* number = each.if_integer()) {
      numbers.push_back(static_cast<dispatch_number>(*number));
    }
  };
  const auto& named = at(part_dispatch);
  note(named);
  if (const auto* several = named.if_list()) {
    for (const auto& each : *several) note(each);
  }
  return numbers;
}

outcome<remote_result> read_result(const value& content) {
  const parts_of at(content);
  const auto& named = at(part_dispatch);
  const auto* number = named.if_integer();
  if (!number && !named.is_list()) return malformed("a result says not what it answers");
  remote_result made;
  if (number) made.dispatch = static_cast<dispatch_number>(*number);
  made.content = content;
  const auto form = integer_of(at(part_form), -1);
  if (form < form_short || form > form_handed_back) return malformed("a result has no known form");
  made.is_handed_back = form == form_handed_back;
  auto& result = made.result;
  if (form == form_whole) {
    auto read = step_result_from(at(part_output));
    if (!read) return read.why();
    result = *std::move(read);
    result.output = from_portable(result.output);
    return made;
  }
  result.output = from_portable(at(part_output));
  result.attempts = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(integer_of(at(part_attempts), 1), 0, UINT32_MAX));
  result.spent = {at(part_cost).to_double(), integer_of(at(part_tokens))};
  if (const auto& why = at(part_failure); why.is_list()) result.why = read_short_failure(why);
  return made;
}

void settle_result(remote_result& result, const step_request& request, instant sent) {
  auto& answer = result.result;
  answer.ctx = request.ctx;
  const auto changes = result.content.at(part_changes);
  const auto set = changes.at(std::size_t{0});
  if (const auto* members = set.if_map()) {
    for (const auto& [key, content] : *members) answer.ctx.set(key, from_portable(content));
  }
  const auto erased = changes.at(1);
  if (const auto* keys = erased.if_list()) {
    for (const auto& key : *keys) answer.ctx.erase(text_of(key));
  }
  const auto counts = result.content.at(part_counts);
  if (!counts.is_list()) return;
  auto& run = *request.run;
  run.retry_count += static_cast<std::uint32_t>(integer_of(counts.at(std::size_t{0})));
  if (flag_of(counts.at(1))) run.cache_hit = true;
  if (flag_of(counts.at(2))) run.fallback_used = true;
  const auto marks = counts.at(3);
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
  return {
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
  };
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
