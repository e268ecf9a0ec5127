#include "plan_limits.hpp"

#include <troupe/protocol/plan.hpp>

#include <array>
#include <charconv>

namespace troupe {

namespace {

std::string lines(const std::vector<plan_issue>& issues) {
  std::string text;
  for (const auto& issue : issues) {
    if (!text.empty()) text += '\n';
    text += to_string(issue);
  }
  return text;
}

std::string shortest(double number) {
  std::array<char, 40> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return std::string(digits.data(), end);
}

} // namespace

std::string_view to_string(plan_kind kind) {
  switch (kind) {
  case plan_kind::step: return "step";
  case plan_kind::sequence: return "sequence";
  case plan_kind::parallel: return "parallel";
  case plan_kind::map: return "map";
  case plan_kind::branch: return "branch";
  case plan_kind::router: return "router";
  case plan_kind::loop: return "loop";
  case plan_kind::use: return "use";
  case plan_kind::pause: return "pause";
  case plan_kind::retry: return "retry";
  case plan_kind::timeout: return "timeout";
  case plan_kind::fallback: return "fallback";
  case plan_kind::breaker: return "breaker";
  case plan_kind::cache: return "cache";
  case plan_kind::hedge: return "hedge";
  case plan_kind::bulkhead: return "bulkhead";
  case plan_kind::rate_limit: return "rate_limit";
  case plan_kind::save_as: return "save_as";
  case plan_kind::compensate: return "compensate";
  case plan_kind::place: return "place";
  }
  return "";
}

std::string to_string(const plan_issue& issue) {
  auto text = issue.where + ": ";
  if (!issue.field.empty()) text += issue.field + " ";
  return text + issue.message;
}

plan_error::plan_error(std::vector<plan_issue> issues)
    : std::invalid_argument(lines(issues)),
      issues_(std::make_shared<const std::vector<plan_issue>>(std::move(issues))) {}

option_check::option_check(std::string where, std::string prefix, std::vector<plan_issue>& issues)
    : where_(std::move(where)), prefix_(std::move(prefix)), issues_(issues) {}

void option_check::require(bool fine, std::string_view field, const std::string& message) {
  if (fine) return;
  auto name = prefix_;
  if (!name.empty() && !field.empty()) name += '.';
  name += field;
  issues_.push_back({where_, std::move(name), message});
}

void option_check::at_least(std::string_view field, std::int64_t given, std::int64_t least) {
  require(given >= least, field,
          "is " + std::to_string(given) + "; it must be at least " + std::to_string(least));
}

void option_check::at_most(std::string_view field, std::int64_t given, std::int64_t most) {
  require(given <= most, field,
          "is " + std::to_string(given) + "; it must be at most " + std::to_string(most));
}

void option_check::positive(std::string_view field, duration given) {
  require(given > duration::zero(), field,
          "is " + to_string(given) + "; it must be greater than 0");
}

void option_check::not_negative(std::string_view field, duration given) {
  require(given >= duration::zero(), field, "is " + to_string(given) + "; it must be at least 0");
}

void option_check::between(std::string_view field, double given, double least, double most) {
  require(given >= least && given <= most, field,
          "is " + shortest(given) + "; it must be between " + shortest(least) + " and "
              + shortest(most));
}

namespace detail {

plan_error too_deep(const std::string& where) {
  return plan_error(
      {{where, "", "nests deeper than " + std::to_string(max_plan_levels) + " levels"}});
}

plan_error too_large(const std::string& where) {
  return plan_error(
      {{where, "", "makes the plan larger than " + std::to_string(max_plan_stages) + " stages"}});
}

} // namespace detail

} // namespace troupe
