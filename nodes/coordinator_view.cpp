#include "coordinator.hpp"

#include <map>
#include <optional>
#include <string>

namespace troupe::nodes {

value coordinator::breakers() {
  const auto names = runtime_->breaker_names();
  std::map<std::string, std::string> homes;
  in_turn([&] {
    for (const auto& name : names) homes[name] = sharing().home_of(name);
  });
  value::list_type all;
  for (const auto& name : names) {
    const auto live = runtime_->breaker(name);
    if (!live) continue;
    const auto wait = live->retry_after(runtime_->now());
    all.push_back(value::map({
        {"name", name},
        {"scope", to_string(live->options().scope)},
        {"state", to_string(live->state())},
        {"retry_after_ms",
         wait ? value(std::chrono::duration<double, std::milli>(*wait).count()) : value()},
        {"failure_count", live->failure_count()},
        {"success_count", live->success_count()},
        {"home", homes[name]},
    }));
  }
  return value::list(std::move(all));
}

outcome<value> coordinator::reset_breaker(const std::string& name) {
  const auto live = runtime_->breaker(name);
  if (!live) return failure{failure_kind::permanent, "there is no breaker `" + name + "`"};
  live->reset();
  return value::map({{"name", name}, {"state", to_string(live->state())}});
}

value coordinator::caches() {
  value::list_type all;
  for (const auto& name : runtime_->cache_names()) {
    const auto live = runtime_->cache(name);
    if (!live) continue;
    const auto counted = live->statistics();
    all.push_back(value::map({
        {"name", name},
        {"scope", to_string(live->options().scope)},
        {"size", counted.size},
        {"bytes", counted.bytes},
        {"hits", counted.hits},
        {"misses", counted.misses},
        {"evictions", counted.evictions},
        {"hit_rate", counted.hit_rate()},
    }));
  }
  return value::list(std::move(all));
}

outcome<value> coordinator::clear_cache(const std::string& name) {
  const auto live = runtime_->cache(name);
  if (!live) return failure{failure_kind::permanent, "there is no cache `" + name + "`"};
  try {
    live->clear();
  } catch (const step_error& error) {
    return error.why();
  }
  return value::map({{"name", name}, {"size", 0}});
}

} // namespace troupe::nodes
