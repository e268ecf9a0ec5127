#pragma once

#include <troupe/protocol/plan.hpp>

#include <string>
#include <vector>

namespace troupe {

/// What is wrong with the options, one text each: the field and the message.
template <class Options>
std::vector<std::string> issues_of(const Options& options) {
  std::vector<plan_issue> issues;
  option_check report("stage", "options", issues);
  troupe_check(options, report);
  std::vector<std::string> texts;
  for (const auto& issue : issues) texts.push_back(issue.field + " " + issue.message);
  return texts;
}

} // namespace troupe
