#pragma once

#include <troupe/actors/admission_gate.hpp>
#include <troupe/actors/breaker_guard.hpp>
#include <troupe/actors/shared_cache.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/runtime/cluster_sharing.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::detail {

/// A breaker and who it is, for handles.
struct breaker_entry {
  std::string name;
  std::shared_ptr<actors::shared_breaker> state;
  std::function<void(breaker_phase from, breaker_phase to, const std::string& name)> on_change;
};

/// A cache in front of one stage.
struct cache_place {
  std::string name;
  std::shared_ptr<actors::shared_cache> cache;
  digest definition;
};

/// The breakers, caches and limiters of a runtime that are shared by name. A name always has the
/// options it was first declared with; declaring it with others throws `plan_error`. Thread-safe.
class shared_stages {
public:
  explicit shared_stages(std::shared_ptr<cluster_sharing> sharing) : sharing_(std::move(sharing)) {}

  std::shared_ptr<actors::shared_breaker> breaker_for(const breaker& options);
  std::shared_ptr<actors::shared_cache> cache_for(const cache& options, const digest& definition);
  std::shared_ptr<actors::shared_bulkhead> bulkhead_for(const bulkhead& options);
  std::shared_ptr<actors::shared_rate_limit> rate_limit_for(const rate_limit& options);

  [[nodiscard]] std::shared_ptr<actors::shared_breaker> find_breaker(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> breaker_names() const;
  [[nodiscard]] std::vector<std::string> cache_names() const;
  [[nodiscard]] std::optional<std::pair<std::shared_ptr<actors::shared_cache>, std::vector<digest>>>
  find_cache(std::string_view name) const;

private:
  template <class Shared>
  struct declared {
    value options;
    std::shared_ptr<Shared> shared;
    std::vector<digest> definitions{};
  };
  template <class Shared, class Options>
  declared<Shared>& find_or_make(std::map<std::string, declared<Shared>, std::less<>>& all,
                                 const char* kind, const Options& options);

  std::shared_ptr<cluster_sharing> sharing_;
  mutable std::mutex mutex_;
  std::map<std::string, declared<actors::shared_breaker>, std::less<>> breakers_;
  std::map<std::string, declared<actors::shared_cache>, std::less<>> caches_;
  std::map<std::string, declared<actors::shared_bulkhead>, std::less<>> bulkheads_;
  std::map<std::string, declared<actors::shared_rate_limit>, std::less<>> rate_limits_;
};

} // namespace troupe::detail
