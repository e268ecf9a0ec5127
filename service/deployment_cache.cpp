#include "deployment_cache.hpp"

#include <troupe/policies/retry.hpp>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

namespace troupe::service {

namespace {

digest digest_of(const std::string& text) {
  return sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

const plan* resolve(const plan* node, const std::map<std::string, plan>& pipelines) {
  for (int level = 0; node && node->kind() == plan_kind::use && level < 100; ++level) {
    const auto found = pipelines.find(node->target());
    node = found == pipelines.end() ? nullptr : &found->second;
  }
  return node;
}

} // namespace

std::uint32_t live_workflow::retries_at(const std::string& path) const {
  const auto* node = resolve(&file.tree, file.pipelines);
  // The first number stands for the whole plan.
  auto at = path.find('/');
  while (node && at != std::string::npos) {
    const auto end = std::min(path.find('/', at + 1), path.size());
    std::size_t index = 0;
    const auto read = std::from_chars(path.data() + at + 1, path.data() + end, index);
    if (read.ec != std::errc() || index >= node->children().size()) return 0;
    node = resolve(&node->children()[index].stage, file.pipelines);
    at = end == path.size() ? std::string::npos : end;
  }
  if (!node || node->kind() != plan_kind::retry) return 0;
  return static_cast<std::uint32_t>(std::max(node->options_as<retry>().max_retries, 0));
}

deployment_cache::deployment_cache(runtime& home, std::size_t most, step_registry registry,
                                   environment_reader environment)
    : home_(home), most_(std::max<std::size_t>(most, 1)), registry_(std::move(registry)),
      environment_(std::move(environment)) {}

deployment_cache::result deployment_cache::of_text(const std::string& file,
                                                   std::shared_ptr<const std::string> text,
                                                   bool restarts) {
  const auto key = digest_of(*text);
  const std::scoped_lock lock(mutex_);
  if (const auto found = slots_.find(key); found != slots_.end()) {
    if (!restarts || !found->second.live->file.scripts) {
      found->second.used = ++uses_;
      by_name_.insert_or_assign(found->second.live->file.name, key);
      return found->second.live;
    }
  }
  try {
    auto made = deploy(parse_workflow(file, *text, registry_, environment_), text);
    if (made) keep(key, *made);
    return made;
  } catch (const workflow_error& error) {
    return failure{failure_kind::malformed, error.what()};
  }
}

deployment_cache::result deployment_cache::of_name(const std::string& name, bool restarts) {
  std::shared_ptr<const live_workflow> found;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto at = by_name_.find(name); at != by_name_.end()) {
      auto& kept = slots_.at(at->second);
      kept.used = ++uses_;
      found = kept.live;
    }
  }
  if (found && (!found->text || !restarts)) return found;
  if (found) return of_text(found->file.file, found->text, true);
  return of_pipeline(name);
}

deployment_cache::result deployment_cache::of_pipeline(const std::string& name) {
  const auto key = digest_of("pipeline " + name);
  const std::scoped_lock lock(mutex_);
  if (const auto found = slots_.find(key); found != slots_.end()) {
    found->second.used = ++uses_;
    return found->second.live;
  }
  const auto registered = registry_.pipelines().find(name);
  if (registered == registry_.pipelines().end()) {
    return failure{failure_kind::permanent,
                   "there is no workflow `" + name + "`: submit its file first"};
  }
  workflow made{.name = name, .file = name, .tree = registered->second};
  made.pipelines = registry_.pipelines();
  auto live = deploy(std::move(made), nullptr);
  if (live) keep(key, *live);
  return live;
}

deployment_cache::result deployment_cache::deploy(workflow file,
                                                  std::shared_ptr<const std::string> text) {
  try {
    auto deployed = file.deploy(home_);
    return std::make_shared<const live_workflow>(
        live_workflow{std::move(file), std::move(text), std::move(deployed)});
  } catch (const plan_error& error) {
    return failure{failure_kind::permanent, file.file + ": " + error.what()};
  }
}

void deployment_cache::keep(const digest& key, const std::shared_ptr<const live_workflow>& live) {
  slots_.insert_or_assign(key, slot{live, ++uses_});
  // A run of a registered pipeline that goes on takes the name from no workflow.
  if (live->text) by_name_.insert_or_assign(live->file.name, key);
  else by_name_.try_emplace(live->file.name, key);
  while (slots_.size() > most_) {
    const auto oldest =
        std::min_element(slots_.begin(), slots_.end(), [](const auto& left, const auto& right) {
          return left.second.used < right.second.used;
        });
    const auto name = by_name_.find(oldest->second.live->file.name);
    if (name != by_name_.end() && name->second == oldest->first) by_name_.erase(name);
    slots_.erase(oldest);
  }
}

std::size_t deployment_cache::size() const {
  const std::scoped_lock lock(mutex_);
  return slots_.size();
}

} // namespace troupe::service
