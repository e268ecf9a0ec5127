#include <troupe/policies/place.hpp>

#include <set>

namespace troupe {

value troupe_describe(const place& options) {
  value::map_type labels;
  for (const auto& [name, content] : options.labels) labels.emplace_back(name, content);
  return value::map({{"labels", value::map(std::move(labels))}});
}

void troupe_check(const place& options, option_check& report) {
  report.require(!options.labels.empty(), "labels", "is empty; it needs at least one label");
  std::set<std::string> seen;
  for (const auto& [name, content] : options.labels) {
    report.require(!name.empty(), "labels", "has a label without a name");
    report.require(seen.insert(name).second, "labels", "has the label \"" + name + "\" twice");
  }
}

} // namespace troupe
