#include "plan_spawner.hpp"

#include "deployment_core.hpp"
#include "runtime_core.hpp"

#include <troupe/actors/cache_keeper.hpp>
#include <troupe/actors/chooser.hpp>
#include <troupe/actors/context_saver.hpp>
#include <troupe/actors/fallback_supervisor.hpp>
#include <troupe/actors/fan_out.hpp>
#include <troupe/actors/hedge_supervisor.hpp>
#include <troupe/actors/looper.hpp>
#include <troupe/actors/pauser.hpp>
#include <troupe/actors/recorder.hpp>
#include <troupe/actors/remote_stage.hpp>
#include <troupe/actors/retry_supervisor.hpp>
#include <troupe/actors/run_keeper.hpp>
#include <troupe/actors/saga_keeper.hpp>
#include <troupe/actors/sequencer.hpp>
#include <troupe/actors/step_host.hpp>
#include <troupe/actors/timeout_supervisor.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace troupe::detail {

using namespace actors;

namespace {

/// What the replicas of one place in the plan share.
struct stage_place {
  std::shared_ptr<stage_identity> identity;
  std::shared_ptr<breaker_entry> breaker;
  std::shared_ptr<shared_cache> cache;
  digest definition{};
  std::shared_ptr<shared_bulkhead> bulkhead;
  std::shared_ptr<shared_rate_limit> rate;
  std::shared_ptr<shared_decision<recent_latencies>> latencies;
  std::shared_ptr<shared_decision<retry_budget>> budget;
};

class spawner {
public:
  spawner(deployment_core& deployment, const plan::resolver& find)
      : deployment_(deployment), home_(deployment.home()), find_(find),
        placer_(deployment.is_branch ? nullptr : deployment.home().placer()),
        records_(has(deployment.tree(), plan_kind::pause)),
        undoes_(has(deployment.tree(), plan_kind::compensate)) {
    deployment_.records = records_;
    if (records_) deployment_.hash = deployment_.tree().hash(find_);
  }

  void spawn_replica() {
    hosts_.clear();
    open_host_ = {};
    deployment_core::replica made;
    made.root = deployment_.is_branch ? branch_root() : run_root();
    if (!made.root.host) made.root.host = open_host_.box;
    for (const auto& host : hosts_) {
      home_.system().launch(host);
      made.hosts.push_back(host.box);
    }
    deployment_.replicas.push_back(std::move(made));
  }

private:
  stage_ref run_root() {
    const auto& tree = deployment_.tree();
    listed_child root{scoped(tree, deployment_.root_path, ""), tree.is_spliced()};
    auto& identity = place_at(tree, "run", deployment_.name()).identity;
    return add(make(identity, run_keeper{std::move(root)}));
  }

  stage_ref branch_root() {
    return spawn(deployment_.tree(), deployment_.root_path, deployment_.shown_as);
  }

  // Fused, all stages of a replica share one host; otherwise each gets its own.
  stage_ref add(stage_factory factory) {
    if (home_.options().fuse_stages) {
      if (!open_host_.box) open_host_ = new_host();
      return {nullptr, open_host_.engine->add(std::move(factory))};
    }
    auto host = new_host();
    const auto number = host.engine->add(std::move(factory));
    return {host.box, number};
  }

  stage_system::host new_host() {
    hosts_.push_back(home_.system().make_host(home_, home_.next_seed()));
    return hosts_.back();
  }

  template <class Parts>
  static stage_factory make(std::shared_ptr<stage_identity> identity, Parts parts) {
    return [identity = std::move(identity), parts = std::move(parts)] {
      return make_stage(identity, parts);
    };
  }

  stage_place& place_at(const plan& node, const std::string& path, const std::string& name) {
    auto& found = places_[path];
    if (found.identity) return found;
    found.identity = std::make_shared<stage_identity>();
    found.identity->name = name;
    found.identity->kind = node.kind();
    found.identity->path = path;
    if (path != "run") {
      deployment_.identities.push_back(found.identity);
      fill(found, node, name);
    }
    return found;
  }

  // Makes what belongs to the place itself, once for all replicas.
  void fill(stage_place& made, const plan& node, const std::string& name) {
    auto& shared = home_.shared();
    switch (node.kind()) {
    case plan_kind::breaker: {
      const auto& options = node.options_as<breaker>();
      made.breaker = std::make_shared<breaker_entry>();
      made.breaker->name = options.name.empty() ? name : options.name;
      made.breaker->state = shared.breaker_for(options);
      deployment_.breakers.emplace_back(name, made.breaker);
      return;
    }
    case plan_kind::cache: {
      const auto& options = node.options_as<cache>();
      made.definition = node.children()[0].stage.hash(find_);
      made.cache = shared.cache_for(options, made.definition);
      deployment_.caches.push_back({name, made.cache, made.definition});
      return;
    }
    case plan_kind::bulkhead:
      made.bulkhead = shared.bulkhead_for(node.options_as<bulkhead>());
      return;
    case plan_kind::rate_limit:
      made.rate = shared.rate_limit_for(node.options_as<rate_limit>());
      return;
    case plan_kind::hedge:
      made.latencies = std::make_shared<shared_decision<recent_latencies>>();
      return;
    case plan_kind::retry:
      if (const auto share = node.options_as<retry>().budget; share > 0) {
        made.budget = std::make_shared<shared_decision<retry_budget>>(share);
      }
      return;
    default: return;
    }
  }

  // True when a stage of that kind is in the plan or in what it uses.
  bool has(const plan& node, plan_kind kind) {
    if (node.kind() == kind) return true;
    if (node.kind() == plan_kind::use) {
      const auto* target = find_(node.target());
      return target && has(*target, kind);
    }
    return std::any_of(node.children().begin(), node.children().end(),
                       [&](const plan::child& each) { return has(each.stage, kind); });
  }

  // True for what is done again as a whole, or not at all: nobody is asked in it, and once it has
  // ended nothing in it is undone any more.
  bool is_unit(const plan& node) {
    return !has(node, plan_kind::pause) && !has(node, plan_kind::compensate);
  }

  // The identity of a stage that plans and metrics do not show.
  std::shared_ptr<stage_identity> unlisted(const plan& node, const std::string& path,
                                           const std::string& name, const char* role) {
    auto& found = unlisted_[path + role];
    if (found) return found;
    found = std::make_shared<stage_identity>();
    found->name = name;
    found->kind = node.kind();
    found->path = path;
    return found;
  }

  // True for a pipeline that is shown under the name it is used by.
  static bool is_shown_as_used(const plan& node, const plan& target) {
    return target.is_spliced() || node.name() != node.target();
  }

  // The name that results of this stage carry.
  const std::string& shown_name(const plan& node, const std::string& shown_as) {
    if (!shown_as.empty()) return shown_as;
    if (node.kind() != plan_kind::use) return node.name();
    const auto& target = *find_(node.target());
    return is_shown_as_used(node, target) ? node.name() : shown_name(target, "");
  }

  // A stage whose failure is dealt with right here: what it has done is undone first, and a failure
  // of it is over and done with. Most of them deal with no end of the run.
  stage_ref scoped(const plan& node, const std::string& path, const std::string& shown_as,
                   bool passes_ends_on = true) {
    auto inner = spawn(node, path, shown_as);
    const auto& name = shown_name(node, shown_as);
    if (undoes_ && has(node, plan_kind::compensate)) {
      inner = add(
          make(unlisted(node, path, name, "scope"), saga_keeper{std::move(inner), passes_ends_on}));
    }
    if (!records_ || in_unit_ || is_unit(node)) return inner;
    return add(make(unlisted(node, path, name, "attempt"), recorder{std::move(inner), true}));
  }

  // Runs that may pause remember what they have finished.
  stage_ref spawn(const plan& node, const std::string& path, const std::string& shown_as) {
    if (!records_ || in_unit_ || !is_unit(node)) return spawn_bare(node, path, shown_as);
    in_unit_ = true;
    auto inner = spawn_bare(node, path, shown_as);
    in_unit_ = false;
    return add(make(unlisted(node, path, shown_name(node, shown_as), "record"),
                    recorder{std::move(inner)}));
  }

  listed_child listed(const plan& node, const std::string& path, const std::string& shown_as) {
    return {spawn(node, path, shown_as), node.is_spliced() && shown_as.empty()};
  }

  std::vector<listed_child> all_listed(const plan& node, const std::string& path) {
    std::vector<listed_child> children;
    for (std::size_t index = 0; index < node.children().size(); ++index) {
      children.push_back(
          listed(node.children()[index].stage, path + '/' + std::to_string(index), ""));
    }
    return children;
  }

  // With any join but `all`, a branch may fail without the block failing.
  std::vector<stage_ref> branches(const plan& node, const std::string& path) {
    const auto may_fail = node.options_as<block_options>().joined.mode != join_mode::all;
    std::vector<stage_ref> children;
    for (std::size_t index = 0; index < node.children().size(); ++index) {
      const auto& [key, stage] = node.children()[index];
      const auto place = path + '/' + std::to_string(index);
      leaving_ = may_leave(stage);
      children.push_back(may_fail ? scoped(stage, place, key, false) : spawn(stage, place, key));
    }
    return children;
  }

  static std::vector<std::string> keys_of(const plan& node) {
    std::vector<std::string> keys;
    for (const auto& [key, stage] : node.children())
      keys.push_back(key.empty() ? stage.name() : key);
    return keys;
  }

  // One line per kind of node. `shown_as` replaces the name of a stage that is a keyed branch.
  stage_ref spawn_bare(const plan& node, const std::string& path, const std::string& shown_as) {
    const auto& name = shown_as.empty() ? node.name() : shown_as;
    if (node.kind() == plan_kind::use) {
      // A pipeline that is used as a step is one entry, under the name it is used by.
      const auto& target = *find_(node.target());
      return spawn(target, path, is_shown_as_used(node, target) ? name : shown_as);
    }
    if (node.kind() == plan_kind::place) return labelled(node, path, shown_as);
    const auto is_step = node.kind() == plan_kind::step;
    if (std::exchange(leaving_, false) || (is_step && placer_)) {
      if (auto there = placed(node, path, shown_as)) return *there;
    }
    const auto& at = place_at(node, path, name);
    const auto& who = at.identity;
    auto inner = [&] { return spawn(node.children()[0].stage, path + "/0", shown_as); };
    auto scope = [&] { return scoped(node.children()[0].stage, path + "/0", shown_as); };
    const auto remembers = records_ && !in_unit_;
    switch (node.kind()) {
    case plan_kind::step: return add(make(who, step_host{node}));
    case plan_kind::sequence: return add(make(who, sequencer{all_listed(node, path)}));
    case plan_kind::parallel:
    case plan_kind::map:
    case plan_kind::router: return add(make(who, block(node, path)));
    case plan_kind::branch:
      return add(make(
          who, chooser{all_listed(node, path), keys_of(node), node.options_as<branch_options>()}));
    case plan_kind::loop:
      return add(make(who, looper{listed(node.children()[0].stage, path + "/0", ""),
                                  node.options_as<loop_options>()}));
    case plan_kind::retry:
      return add(make(who, retry_supervisor{scope(), node.options_as<retry>(), at.budget}));
    case plan_kind::timeout:
      return add(make(who, timeout_supervisor{inner(), node.options_as<timeout>()}));
    case plan_kind::fallback:
      return add(make(who, fallback_supervisor{levels(node, path, shown_as), keys_of(node)}));
    case plan_kind::breaker:
      return add(make(who, breaker_guard{inner(), at.breaker->state, remembers}));
    case plan_kind::cache:
      return add(make(who, cache_keeper{scope(), at.cache, at.definition, node.options_as<cache>(),
                                        remembers}));
    case plan_kind::hedge: {
      auto each = scoped(node.children()[0].stage, path + "/0", shown_as, false);
      return add(
          make(who, hedge_supervisor{std::move(each), node.options_as<hedge>(), at.latencies}));
    }
    case plan_kind::bulkhead:
      return add(
          make(who, bulkhead_gate{inner(), at.bulkhead, node.options_as<bulkhead>(), remembers}));
    case plan_kind::rate_limit:
      return add(make(who, rate_gate{inner(), at.rate, node.options_as<rate_limit>(), remembers}));
    case plan_kind::pause: return add(make(who, pauser{node.options_as<pause_options>()}));
    case plan_kind::save_as:
      return add(make(who, context_saver{inner(), node.options_as<save_as>()}));
    case plan_kind::compensate: return add(make(who, member(node, path, shown_as)));
    case plan_kind::place:
    case plan_kind::use: break;
    }
    throw std::logic_error("a plan node of unknown kind");
  }

  // True for a branch that works elsewhere as a whole: nothing in it has a part in what the rest of
  // the run, or another run, does.
  bool may_leave(const plan& node) {
    if (!placer_) return false;
    return node.kind() == plan_kind::place ? may_leave(node.children()[0].stage) : leaves(node);
  }

  bool leaves(const plan& node) {
    switch (node.kind()) {
    case plan_kind::pause:
    case plan_kind::compensate:
    case plan_kind::breaker:
    case plan_kind::cache:
    case plan_kind::bulkhead:
    case plan_kind::rate_limit:
    case plan_kind::hedge: return false;
    case plan_kind::step: return !node.options_as<step_definition>().ticket;
    case plan_kind::use: {
      const auto* target = find_(node.target());
      return target && leaves(*target);
    }
    case plan_kind::retry:
      if (node.options_as<retry>().budget > 0) return false;
      break;
    case plan_kind::place: return false;
    default: break;
    }
    return std::all_of(node.children().begin(), node.children().end(),
                       [&](const plan::child& each) { return leaves(each.stage); });
  }

  // A stage that works in another process, if the placer has one for it.
  std::optional<stage_ref> placed(const plan& node, const std::string& path,
                                  const std::string& shown_as) {
    auto [found, is_new] = elsewhere_.try_emplace(path);
    if (is_new) found->second = placer_->place(offer(node, path, shown_as)).host;
    if (!found->second) return std::nullopt;
    const auto& who = place_at(node, path, shown_name(node, shown_as)).identity;
    remote_stage made{{found->second, 0}};
    if (node.kind() == plan_kind::step) made.ticket = node.options_as<step_definition>().ticket;
    return add(make(who, std::move(made)));
  }

  branch_offer offer(const plan& node, const std::string& path, const std::string& shown_as) {
    branch_offer made{{node, path, shown_as}, shown_name(node, shown_as)};
    if (has(node, plan_kind::use)) made.branch.pipelines = *deployment_.pipelines;
    made.hash = node.hash(find_);
    made.labels = labels_;
    made.source = deployment_.source;
    made.idempotent = true;
    note_steps(node, made);
    std::sort(made.step_types.begin(), made.step_types.end());
    made.step_types.erase(std::unique(made.step_types.begin(), made.step_types.end()),
                          made.step_types.end());
    return made;
  }

  void note_steps(const plan& node, branch_offer& made) {
    if (node.kind() == plan_kind::use) return note_steps(*find_(node.target()), made);
    if (node.kind() == plan_kind::step) {
      const auto& definition = node.options_as<step_definition>();
      made.idempotent = made.idempotent && definition.idempotent;
      if (!definition.type.empty()) made.step_types.push_back(definition.type);
    }
    for (const auto& each : node.children()) note_steps(each.stage, made);
  }

  // What is inside keeps to processes with these labels too.
  stage_ref labelled(const plan& node, const std::string& path, const std::string& shown_as) {
    const auto outside = labels_.size();
    const auto& added = node.options_as<place>().labels;
    labels_.insert(labels_.end(), added.begin(), added.end());
    auto inner = spawn(node.children()[0].stage, path + "/0", shown_as);
    labels_.resize(outside);
    return inner;
  }

  // The composite carries the primary's name; the levels below it keep their own.
  std::vector<stage_ref> levels(const plan& node, const std::string& path,
                                const std::string& shown_as) {
    std::vector<stage_ref> children;
    for (std::size_t index = 0; index < node.children().size(); ++index) {
      children.push_back(scoped(node.children()[index].stage, path + '/' + std::to_string(index),
                                index == 0 ? shown_as : ""));
    }
    return children;
  }

  saga_member member(const plan& node, const std::string& path, const std::string& shown_as) {
    auto stage = spawn(node.children()[0].stage, path + "/0", shown_as);
    return {std::move(stage), scoped(node.children()[1].stage, path + "/1", "")};
  }

  fan_out block(const plan& node, const std::string& path) {
    return {node.kind(), branches(node, path), keys_of(node), node.options_as<block_options>()};
  }

  deployment_core& deployment_;
  runtime_core& home_;
  const plan::resolver& find_;
  std::shared_ptr<stage_placer> placer_; // null: everything works in this process
  bool records_;
  bool undoes_;
  bool in_unit_ = false;
  bool leaving_ = false;                                    // what is spawned next works elsewhere
  std::vector<std::pair<std::string, std::string>> labels_; // of the places around
  std::map<std::string, std::shared_ptr<mailbox>> elsewhere_; // by path: where branches work
  std::map<std::string, stage_place> places_;
  std::map<std::string, std::shared_ptr<stage_identity>> unlisted_;
  std::vector<stage_system::host> hosts_;
  stage_system::host open_host_{};
};

} // namespace

void spawn_stages(deployment_core& deployment, const plan::resolver& find) {
  spawner work(deployment, find);
  const auto count = deployment.home().replicas();
  for (std::size_t made = 0; made < count; ++made) work.spawn_replica();
  deployment.begin_service();
}

} // namespace troupe::detail
