#include "shared_stages.hpp"

namespace troupe::detail {

template <class Shared, class Options>
shared_stages::declared<Shared>&
shared_stages::find_or_make(std::map<std::string, declared<Shared>, std::less<>>& all,
                            const char* kind, const Options& options) {
  value described;
  if constexpr (requires { troupe_describe_shared(options); }) {
    described = troupe_describe_shared(options);
  } else {
    described = troupe_describe(options);
  }
  const auto place = all.find(options.name);
  if (place == all.end()) {
    auto made = std::make_shared<Shared>(options);
    if constexpr (requires { sharing_->add(made); }) {
      if (sharing_ && options.scope == state_scope::cluster) sharing_->add(made);
    }
    return all.emplace(options.name, declared<Shared>{std::move(described), std::move(made)})
        .first->second;
  }
  if (!(place->second.options == described)) {
    throw plan_error(
        {{options.name, kind, "was declared with different options in this runtime before"}});
  }
  return place->second;
}

std::shared_ptr<actors::shared_breaker> shared_stages::breaker_for(const breaker& options) {
  if (options.name.empty()) return std::make_shared<actors::shared_breaker>(options);
  const std::scoped_lock lock(mutex_);
  return find_or_make(breakers_, "breaker", options).shared;
}

std::shared_ptr<actors::shared_cache> shared_stages::cache_for(const cache& options,
                                                               const digest& definition) {
  if (options.name.empty())
    return std::make_shared<actors::shared_cache>(options, '~' + to_hex(definition).substr(0, 16));
  const std::scoped_lock lock(mutex_);
  auto chosen = options;
  if (sharing_ && options.scope == state_scope::cluster && !options.backend
      && !caches_.contains(options.name))
    chosen.backend = sharing_->backend_for(options); // shows no place: declared as without
  auto& entry = find_or_make(caches_, "cache", chosen);
  entry.definitions.push_back(definition);
  return entry.shared;
}

std::shared_ptr<actors::shared_bulkhead> shared_stages::bulkhead_for(const bulkhead& options) {
  if (options.name.empty()) return std::make_shared<actors::shared_bulkhead>(options);
  const std::scoped_lock lock(mutex_);
  return find_or_make(bulkheads_, "bulkhead", options).shared;
}

std::shared_ptr<actors::shared_rate_limit>
shared_stages::rate_limit_for(const rate_limit& options) {
  if (options.name.empty()) return std::make_shared<actors::shared_rate_limit>(options);
  const std::scoped_lock lock(mutex_);
  return find_or_make(rate_limits_, "rate_limit", options).shared;
}

std::shared_ptr<actors::shared_breaker> shared_stages::find_breaker(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto place = breakers_.find(name);
  return place == breakers_.end() ? nullptr : place->second.shared;
}

std::optional<std::pair<std::shared_ptr<actors::shared_cache>, std::vector<digest>>>
shared_stages::find_cache(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto place = caches_.find(name);
  if (place == caches_.end()) return std::nullopt;
  return std::pair{place->second.shared, place->second.definitions};
}

std::vector<std::string> shared_stages::breaker_names() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, each] : breakers_) names.push_back(name);
  return names;
}

std::vector<std::string> shared_stages::cache_names() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, each] : caches_) names.push_back(name);
  return names;
}

} // namespace troupe::detail
