#include <troupe/actors/fan_out.hpp>
#include <troupe/actors/step_host.hpp>

#include <algorithm>
#include <optional>

namespace troupe::actors {

class fan_out_call final : public call {
public:
  explicit fan_out_call(const fan_out& home) : home_(home), options_(home.options) {}

private:
  void start() override {
    if (!choose_work()) return;
    results_.resize(count());
    join_.emplace(options_.joined, count());
    given_ = options_.context_include_keys.empty()
                 ? request().ctx
                 : request().ctx.only(options_.context_include_keys);
    for (const auto& key : options_.context_include_keys) {
      if (!request().ctx.contains(key)) warn("context_include_keys names no entry: " + key);
    }
    if (count() == 0) return conclude();
    pump();
  }

  [[nodiscard]] std::size_t count() const {
    return home_.kind == plan_kind::map ? items_.size() : chosen_.size();
  }

  // Finds out what to run; on failure the call is answered and false returned.
  bool choose_work() {
    try {
      if (home_.kind == plan_kind::map) return take_items();
      if (home_.kind == plan_kind::router) return take_routes();
    } catch (...) {
      fail(current_failure());
      return false;
    }
    chosen_.resize(home_.branches.size());
    for (std::size_t index = 0; index < chosen_.size(); ++index) chosen_[index] = index;
    return true;
  }

  bool take_items() {
    auto list =
        options_.over ? options_.over(request().input, request().ctx, request()) : request().input;
    if (list.is_native()) list = list.plain();
    if (const auto* items = list.if_list()) {
      items_ = *items;
      return true;
    }
    fail({failure_kind::permanent,
          "map needs a list to work on; it got " + std::string(kind_name(list))});
    return false;
  }

  bool take_routes() {
    auto executed = value::list_type();
    for (const auto& key : options_.choose(request().input, request().ctx, request())) {
      auto place = std::find(home_.keys.begin(), home_.keys.end(), key);
      const auto known = place != home_.keys.end();
      if (!known) place = std::find(home_.keys.begin(), home_.keys.end(), "default");
      if (place == home_.keys.end()) {
        fail({failure_kind::permanent, unknown_route(key)});
        return false;
      }
      chosen_.push_back(static_cast<std::size_t>(place - home_.keys.begin()));
      executed.emplace_back(*place);
    }
    executed_ = value(std::move(executed));
    return true;
  }

  std::string unknown_route(const std::string& key) const {
    std::string known;
    for (const auto& branch : home_.keys) known += (known.empty() ? "" : ", ") + branch;
    return "no branch is called " + key + "; there are: " + known;
  }

  void pump() {
    const auto limit = static_cast<std::size_t>(options_.max_in_flight);
    while (next_ < count() && !stopping_ && open_children() < limit) {
      const auto index = next_++;
      auto branch = request();
      branch.ctx = given_;
      const auto is_map = home_.kind == plan_kind::map;
      if (is_map) {
        branch.input = items_[index];
        branch.turns = std::make_shared<const turn>(turn{index, branch.turns});
      }
      send(index, home_.branches[is_map ? 0 : chosen_[index]], std::move(branch));
    }
  }

  void on_result(std::uint64_t index, step_result&& result) override {
    const auto out_of_budget = result.failed_with(failure_kind::usage_limit);
    const auto verdict = keep(index, std::move(result));
    if (!stopping_ && (verdict != join_state::verdict::open || out_of_budget)) stop(index);
    if (!stopping_) pump();
    if (open_children() == 0) conclude();
  }

  join_state::verdict keep(std::uint64_t index, step_result&& result) {
    spent_ += result.spent;
    const auto success = result.success();
    const auto is_paused = result.failed_with(failure_kind::paused);
    if (is_paused && !paused_) paused_ = index;
    if (success && !result.ctx.data().same_version(given_.data())) {
      changed_.emplace_back(index, std::move(result.ctx));
    }
    result.ctx = {};
    results_[index] = std::move(result);
    // What ends after the verdict says nothing about it any more, and what waits for a person says
    // nothing yet.
    if (stopping_ || is_paused) return join_->current();
    return join_->record(success);
  }

  void stop(std::uint64_t decisive) {
    stopping_ = true;
    decisive_ = decisive;
    if (open_children() == 0) return;
    const auto won = join_->current() == join_state::verdict::succeeded;
    cancel_children(std::make_shared<const failure>(failure{
        failure_kind::cancelled, won ? "cancelled: enough branches have succeeded"
                                     : "cancelled: branch " + name_of(decisive) + " failed"}));
  }

  void on_late_result(std::uint64_t index, step_result&& result) override {
    keep(index, std::move(result));
    if (open_children() == 0) answer(cancelled_result());
  }

  step_result cancelled_result() override {
    auto result = call::cancelled_result();
    fill_gaps();
    result.output = results_as_list();
    result.step_history = std::move(results_);
    result.spent = spent_;
    return result;
  }

  [[nodiscard]] std::string name_of(std::size_t index) const {
    if (home_.kind == plan_kind::map) {
      return "item " + std::to_string(index) + " of " + std::to_string(count());
    }
    return home_.keys[chosen_[index]];
  }

  // Branches that never started, because the block was over before, appear as cancelled.
  void fill_gaps() {
    for (std::size_t index = next_; index < results_.size(); ++index) {
      results_[index].name = name_of(index);
      results_[index].attempts = 0;
      results_[index].why = std::make_shared<const failure>(
          failure{failure_kind::cancelled, "cancelled before it started", {}, name_of(index)});
    }
    next_ = results_.size();
  }

  void conclude() {
    fill_gaps();
    const auto failed_branch = decisive_ && results_[*decisive_].why
                               && results_[*decisive_].why->kind == failure_kind::usage_limit;
    if (failed_branch || join_->current() == join_state::verdict::failed) return conclude_failed();
    if (join_->current() == join_state::verdict::open && paused_) {
      auto result = blank_result();
      result.why = results_[*paused_].why; // the very object says which stage asks
      return finish(std::move(result));
    }
    const auto merged = merge();
    if (!merged) {
      auto result = failed_result(merged.why());
      if (options_.joined.mode != join_mode::first) result.output = results_as_list();
      return finish(std::move(result));
    }
    auto result = blank_result();
    result.ctx = *merged;
    result.output = output();
    finish(std::move(result));
  }

  outcome<context> merge() {
    std::sort(changed_.begin(), changed_.end(),
              [](const auto& left, const auto& right) { return left.first < right.first; });
    std::vector<context> contexts;
    for (auto& [index, ctx] : changed_) {
      if (options_.joined.mode == join_mode::first && index != decisive_) continue;
      contexts.push_back(std::move(ctx));
    }
    if (contexts.empty()) return request().ctx;
    try {
      return merge_branches(request().ctx, given_, contexts, options_.merge,
                            options_.on_context_conflict);
    } catch (...) {
      auto why = current_failure();
      why.message = "merging the context failed: " + why.message;
      return why;
    }
  }

  value output() const {
    if (options_.joined.mode == join_mode::first && decisive_) return results_[*decisive_].output;
    if (home_.kind != plan_kind::map) return results_as_list();
    value::list_type outputs;
    outputs.reserve(results_.size());
    for (const auto& result : results_) {
      outputs.push_back(result.success() ? result.output : value());
    }
    return value(std::move(outputs));
  }

  value results_as_list() const {
    if (home_.kind == plan_kind::map) return {};
    value::list_type list;
    list.reserve(results_.size());
    for (const auto& result : results_) list.push_back(wrap_result(result));
    return value(std::move(list));
  }

  void conclude_failed() {
    const auto one_is_enough =
        options_.joined.mode == join_mode::all
        || (decisive_ && results_[*decisive_].failed_with(failure_kind::usage_limit));
    auto why = one_is_enough ? branch_failure(*decisive_) : joint_failure();
    auto result = failed_result(std::move(why));
    if (options_.joined.mode != join_mode::first) result.output = results_as_list();
    finish(std::move(result));
  }

  failure branch_failure(std::size_t index) const {
    auto why = *results_[index].why;
    const auto label = home_.kind == plan_kind::map ? name_of(index) : "branch " + name_of(index);
    why.message = label + ": " + why.message;
    return why;
  }

  failure joint_failure() const {
    std::string text;
    std::optional<failure_kind> kind;
    for (std::size_t index = 0; index < results_.size(); ++index) {
      const auto& why = results_[index].why;
      if (!why || why->kind == failure_kind::cancelled) continue;
      if (!kind) kind = why->kind;
      if (text.size() < 4000)
        text += (text.empty() ? "" : "; ") + name_of(index) + ": " + why->message;
    }
    std::string head = "no branch succeeded";
    if (options_.joined.mode == join_mode::quorum) {
      head = "only " + std::to_string(join_->successes()) + " of the needed "
             + std::to_string(options_.joined.quorum) + " branches succeeded";
    }
    return {kind.value_or(failure_kind::permanent), head + (text.empty() ? "" : ": " + text)};
  }

  void finish(step_result&& result) {
    result.spent = spent_;
    result.step_history = std::move(results_);
    if (!executed_.is_null()) {
      result.edit_metadata([&](step_metadata& metadata) { metadata.executed_branch = executed_; });
    }
    answer(std::move(result));
  }

  const fan_out& home_;
  const block_options& options_;
  std::vector<std::size_t> chosen_; // of the branches, those to run
  value::list_type items_;
  context given_;
  std::size_t next_ = 0;
  std::vector<step_result> results_;
  std::vector<std::pair<std::size_t, context>> changed_;
  std::optional<join_state> join_;
  std::optional<std::size_t> decisive_;
  std::optional<std::size_t> paused_; // the first branch that waits for a person
  bool stopping_ = false;
  usage spent_{};
  value executed_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, fan_out parts) {
  return std::make_unique<stage_of<fan_out_call, fan_out>>(std::move(identity), std::move(parts));
}

} // namespace troupe::actors
