#include "wire_values.hpp"
#include "worker.hpp"

#include <troupe/protocol/digest.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace troupe::nodes {

namespace {

using pipelines = std::map<std::string, plan>;

plan::resolver resolver_of(const pipelines& all) {
  return [&all](const std::string& name) -> const plan* {
    const auto found = all.find(name);
    return found == all.end() ? nullptr : &found->second;
  };
}

// The part of a plan at a path such as `0/2/1` that has that hash. What a `use` stands for is at
// the place of the `use`.
std::optional<plan> part_at(plan at, std::string_view path, const std::string& hash,
                            const plan::resolver& find) {
  const auto resolved = [&](plan node) {
    for (auto steps = 0; node.kind() == plan_kind::use && steps < 200; ++steps) {
      const auto* target = find(node.target());
      if (!target) break;
      node = *target;
    }
    return node;
  };
  const auto is_it = [&](const plan& node) { return to_hex(node.hash(find)) == hash; };
  for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    path.remove_prefix(slash + 1);
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), index);
    at = resolved(std::move(at));
    if (error != std::errc() || index >= at.children().size()) return std::nullopt;
    at = plan(at.children()[index].stage);
  }
  if (is_it(at)) return at;
  at = resolved(std::move(at));
  if (is_it(at)) return at;
  return std::nullopt;
}

void add_parts(const plan& tree, const plan::resolver& find, std::map<std::string, plan>& parts) {
  parts.insert_or_assign(to_hex(tree.hash(find)), tree);
  for (const auto& each : tree.children()) add_parts(each.stage, find, parts);
}

std::map<std::string, plan> all_parts(const step_registry& registry) {
  std::map<std::string, plan> parts;
  const auto find = resolver_of(registry.pipelines());
  for (const auto& [name, tree] : registry.pipelines()) add_parts(tree, find, parts);
  return parts;
}

class registry_deployer final : public branch_deployer {
public:
  registry_deployer(troupe::runtime& home, const step_registry& registry)
      : home_(home), registry_(registry), parts_(all_parts(registry)) {}

  outcome<live> deploy(const value& about) override {
    try {
      return deploy_part(about);
    } catch (const std::exception& error) {
      return failure{failure_kind::permanent,
                     "the worker cannot make the branch live: " + std::string(error.what())};
    }
  }

private:
  static constexpr std::size_t most_files = 64;

  struct read_file {
    std::string key;
    std::shared_ptr<const workflow> content;
  };

  outcome<live> deploy_part(const value& about) {
    const auto hash = text_at(about, "hash");
    plan_branch part{plan::use("")};
    part.path = text_at(about, "path");
    part.shown_as = text_at(about, "shown_as");
    if (about.at("text").is_text()) {
      const auto file = file_of(text_at(about, "file"), text_at(about, "text"));
      part.pipelines = file->pipelines;
      auto found = part_at(file->tree, part.path, hash, resolver_of(part.pipelines));
      if (!found) return not_the_same(about);
      part.tree = *std::move(found);
    } else {
      const auto found = parts_.find(hash);
      if (found == parts_.end()) return not_the_same(about);
      part.tree = found->second;
      part.pipelines = registry_.pipelines();
    }
    const auto served = home_.serve_branch(part);
    return live{[served](step_request request, std::shared_ptr<actors::mailbox> reply_to) {
                  served->open(std::move(request), std::move(reply_to));
                },
                [served](request_id id, std::shared_ptr<const failure> reason,
                         const actors::mailbox* requester) {
                  served->cancel(id, std::move(reason), requester);
                }};
  }

  static failure not_the_same(const value& about) {
    return {failure_kind::permanent,
            "the worker reads another plan at " + text_at(about, "path")
                + " than the coordinator: their step types or versions differ"};
  }

  // Files that were read last are kept: a file has many branches.
  std::shared_ptr<const workflow> file_of(const std::string& name, std::string text) {
    auto key = name + '\n' + text;
    for (const auto& each : files_) {
      if (each.key == key) return each.content;
    }
    auto made = std::make_shared<const workflow>(parse_workflow(name, std::move(text), registry_));
    files_.push_back({std::move(key), made});
    if (files_.size() > most_files) files_.pop_front();
    return made;
  }

  troupe::runtime& home_;
  const step_registry& registry_;
  std::map<std::string, plan> parts_;
  std::deque<read_file> files_;
};

} // namespace

std::unique_ptr<branch_deployer> make_branch_deployer(troupe::runtime& home,
                                                      const step_registry& registry) {
  return std::make_unique<registry_deployer>(home, registry);
}

std::vector<std::string> pipeline_hashes(const step_registry& registry) {
  std::vector<std::string> all;
  for (const auto& [hash, part] : all_parts(registry)) all.push_back(hash);
  return all;
}

} // namespace troupe::nodes
