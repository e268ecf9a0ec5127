#pragma once

#include "file_reader.hpp"

#include <troupe/actors/block_options.hpp>
#include <troupe/policies/breaker.hpp>
#include <troupe/policies/bulkhead.hpp>
#include <troupe/policies/cache.hpp>
#include <troupe/policies/place.hpp>
#include <troupe/policies/rate_limit.hpp>
#include <troupe/policies/retry.hpp>
#include <troupe/policies/timeout.hpp>
#include <troupe/protocol/plan.hpp>
#include <troupe/workflows/step_registry.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Makes plans of the stages of a workflow file. A stage that is wrong is reported and becomes
/// nothing, so that one reading finds all errors.
class stage_reader {
public:
  stage_reader(file_reader& file, const step_registry& registry,
               std::shared_ptr<const step_surroundings> surroundings);

  // What stages may refer to; read before them.
  void read_breakers(const yaml_node& node);
  void read_caches(const yaml_node& node);
  void note_steps(const yaml_node& node);
  void note_pipelines(const yaml_node& node);

  /// Reads every named step and pipeline, used or not.
  void read_named_steps();
  [[nodiscard]] std::map<std::string, plan> read_pipelines();

  [[nodiscard]] std::optional<plan> read(const yaml_node& node);
  /// True when a `test.script` was read.
  [[nodiscard]] bool has_scripts() const noexcept { return has_scripts_; }
  /// Names of the pipelines that stages use, and the places of the first uses.
  [[nodiscard]] const std::map<std::string, text_position>& used_pipelines() const noexcept {
    return used_pipelines_;
  }

private:
  struct named_step {
    const yaml_node* node = nullptr;
    text_position at{};
    bool is_read = false;
    std::optional<plan> made{};
  };
  struct open_step {
    std::string name;
    std::size_t fallbacks_around; ///< how many steps to a fallback led to it
  };

  // step_reader.cpp
  std::optional<plan> read_step(const yaml_node& node);
  std::optional<plan> read_reference(const std::string& name, text_position at);
  std::optional<plan> read_definition(const std::string& name, const yaml_node& node);
  std::optional<plan> refuse_cycle(const std::string& name, text_position at);
  const step_type* read_type(const yaml_node& uses);
  value_template read_with(const step_type& type, const std::string& type_name,
                           const yaml_node& holder);
  void check_field(const step_field& field, const yaml_node& node, const value_template& content);
  void check_settings(const step_type& type, const step_settings& settings,
                      const yaml_node& holder);
  value parameters_of(const value_template& with, bool keeps_secrets) const;

  // block_reader.cpp
  std::optional<plan> read_kind(const std::string& kind, const yaml_node& content,
                                const yaml_node& holder);
  std::optional<plan> read_sequence(const yaml_node& list);
  std::optional<plan> read_parallel(const yaml_node& content, const yaml_node& holder, bool race);
  std::optional<plan> read_map(const yaml_node& content, const yaml_node& holder);
  std::optional<plan> read_branch(const yaml_node& content, const yaml_node& holder);
  std::optional<plan> read_loop(const yaml_node& content, const yaml_node& holder);
  std::optional<plan> read_pause(const yaml_node& content);
  std::optional<plan> read_pipeline(const yaml_node& content);
  bool read_branches(const yaml_node& content, std::string_view what,
                     std::vector<plan::child>& branches);
  void read_block(const yaml_node& holder, block_options& options);
  void read_join(const yaml_node& node, join& rule);

  // policy_reader.cpp
  std::optional<plan> add_attributes(std::optional<plan> inner, const yaml_node& holder);
  std::optional<plan> add_policy(std::optional<plan> inner, const yaml_node& node);
  std::optional<plan> add_fallback(std::optional<plan> inner, const yaml_node& node);
  std::optional<plan> add_hedge(std::optional<plan> inner, const yaml_node& node);
  std::optional<plan> add_place(std::optional<plan> inner, const yaml_node& node);

  // policy_options.cpp
  void read_breaker_options(const yaml_node& node, breaker& options);
  void read_cache_options(const yaml_node& node, cache& options);
  std::optional<breaker> read_breaker(const yaml_node& node);
  std::optional<cache> read_cache(const yaml_node& node);
  std::optional<retry> read_retry(const yaml_node& node);
  std::optional<timeout> read_timeout(const yaml_node& node);
  std::optional<bulkhead> read_bulkhead(const yaml_node& node);
  std::optional<rate_limit> read_rate_limit(const yaml_node& node);
  void read_backend(const yaml_node& node, cache& options);
  std::optional<state_scope> read_scope(const yaml_node& node);
  behavior<bool(const failure&, std::uint32_t)> read_failure_test(const yaml_node& node,
                                                                  std::string_view what);
  template <class T>
  const T* declared(const std::map<std::string, T>& all, const std::string& name, text_position at,
                    std::string_view kind);

  file_reader& file_;
  const step_registry& registry_;
  std::shared_ptr<const step_surroundings> surroundings_;
  std::map<std::string, breaker> breakers_;
  std::map<std::string, cache> caches_;
  std::map<std::string, named_step> steps_;
  std::map<std::string, const yaml_node*> pipelines_;
  std::map<std::string, text_position> used_pipelines_;
  std::vector<open_step> open_;
  std::size_t fallbacks_around_ = 0;
  bool has_scripts_ = false;
};

/// Makes a plan of one policy around a stage; nothing around nothing.
template <class Options>
std::optional<plan> wrapped(plan_kind kind, std::optional<plan> inner, Options options) {
  if (!inner) return std::nullopt;
  return plan::make(kind, "", {{"", *std::move(inner)}}, std::move(options));
}

} // namespace troupe
