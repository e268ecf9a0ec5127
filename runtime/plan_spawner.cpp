#include "plan_spawner.hpp"

#include "deployment_core.hpp"
#include "runtime_core.hpp"

#include <troupe/actors/cache_keeper.hpp>
#include <troupe/actors/chooser.hpp>
#include <troupe/actors/fallback_supervisor.hpp>
#include <troupe/actors/fan_out.hpp>
#include <troupe/actors/hedge_supervisor.hpp>
#include <troupe/actors/looper.hpp>
#include <troupe/actors/retry_supervisor.hpp>
#include <troupe/actors/run_keeper.hpp>
#include <troupe/actors/sequencer.hpp>
#include <troupe/actors/step_host.hpp>
#include <troupe/actors/timeout_supervisor.hpp>

#include <map>
#include <string>
#include <utility>

namespace troupe::detail {

using namespace actors;

namespace {

/// What the replicas of one place in the plan share.
struct place {
  std::shared_ptr<stage_identity> identity;
  std::shared_ptr<breaker_entry> breaker;
  std::shared_ptr<shared_cache> cache;
  digest definition{};
  std::shared_ptr<shared_bulkhead> bulkhead;
  std::shared_ptr<shared_decision<token_bucket>> rate;
  std::shared_ptr<shared_decision<recent_latencies>> latencies;
  std::shared_ptr<shared_decision<retry_budget>> budget;
};

class spawner {
public:
  spawner(deployment_core& deployment, const plan::resolver& find)
      : deployment_(deployment), home_(deployment.home()), find_(find) {}

  void spawn_replica() {
    hosts_.clear();
    open_host_ = {};
    auto root = listed(deployment_.tree(), "0", "");
    auto& identity = place_of(deployment_.tree(), "run", deployment_.tree().name()).identity;
    deployment_core::replica made;
    made.root = add(make(identity, run_keeper{std::move(root)}));
    if (!made.root.host) made.root.host = open_host_.box;
    for (const auto& host : hosts_) {
      home_.system().launch(host);
      made.hosts.push_back(host.box);
    }
    deployment_.replicas.push_back(std::move(made));
  }

private:
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

  place& place_of(const plan& node, const std::string& path, const std::string& name) {
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
  void fill(place& made, const plan& node, const std::string& name) {
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

  std::vector<stage_ref> all(const plan& node, const std::string& path, bool shown_by_key) {
    std::vector<stage_ref> children;
    for (std::size_t index = 0; index < node.children().size(); ++index) {
      const auto& [key, stage] = node.children()[index];
      children.push_back(spawn(stage, path + '/' + std::to_string(index), shown_by_key ? key : ""));
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
  stage_ref spawn(const plan& node, const std::string& path, const std::string& shown_as) {
    const auto& name = shown_as.empty() ? node.name() : shown_as;
    if (node.kind() == plan_kind::use) {
      // A pipeline that is used as a step is one entry, under the name it is used by.
      const auto& target = *find_(node.name());
      return spawn(target, path, target.is_spliced() ? name : shown_as);
    }
    const auto& at = place_of(node, path, name);
    const auto& who = at.identity;
    auto inner = [&] { return spawn(node.children()[0].stage, path + "/0", shown_as); };
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
      return add(make(who, retry_supervisor{inner(), node.options_as<retry>(), at.budget}));
    case plan_kind::timeout:
      return add(make(who, timeout_supervisor{inner(), node.options_as<timeout>()}));
    case plan_kind::fallback:
      return add(make(who, fallback_supervisor{levels(node, path, shown_as), keys_of(node)}));
    case plan_kind::breaker: return add(make(who, breaker_guard{inner(), at.breaker->state}));
    case plan_kind::cache: return add(make(who, cache_keeper{inner(), at.cache, at.definition}));
    case plan_kind::hedge:
      return add(make(who, hedge_supervisor{inner(), node.options_as<hedge>(), at.latencies}));
    case plan_kind::bulkhead:
      return add(make(who, bulkhead_gate{inner(), at.bulkhead, node.options_as<bulkhead>()}));
    case plan_kind::rate_limit:
      return add(make(who, rate_gate{inner(), at.rate, node.options_as<rate_limit>()}));
    case plan_kind::use: break;
    }
    throw std::logic_error("a plan node of unknown kind");
  }

  // The composite carries the primary's name; the levels below it keep their own.
  std::vector<stage_ref> levels(const plan& node, const std::string& path,
                                const std::string& shown_as) {
    std::vector<stage_ref> children;
    for (std::size_t index = 0; index < node.children().size(); ++index) {
      children.push_back(spawn(node.children()[index].stage, path + '/' + std::to_string(index),
                               index == 0 ? shown_as : ""));
    }
    return children;
  }

  fan_out block(const plan& node, const std::string& path) {
    return {node.kind(), all(node, path, true), keys_of(node), node.options_as<block_options>()};
  }

  deployment_core& deployment_;
  runtime_core& home_;
  const plan::resolver& find_;
  std::map<std::string, place> places_;
  std::vector<stage_system::host> hosts_;
  stage_system::host open_host_{};
};

} // namespace

void spawn_stages(deployment_core& deployment, const plan::resolver& find) {
  spawner work(deployment, find);
  const auto count = deployment.home().replicas();
  for (std::size_t made = 0; made < count; ++made) work.spawn_replica();
}

} // namespace troupe::detail
