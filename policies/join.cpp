#include "description.hpp"

#include <troupe/policies/join.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

std::string_view to_string(join_mode mode) {
  switch (mode) {
  case join_mode::all: return "all";
  case join_mode::collect: return "collect";
  case join_mode::quorum: return "quorum";
  case join_mode::first: return "first";
  }
  return "unknown";
}

value troupe_describe(const join& rule) {
  value::map_type members{{"mode", to_string(rule.mode)}};
  if (rule.mode == join_mode::quorum) members.emplace_back("quorum", rule.quorum);
  return description::map(std::move(members));
}

void troupe_check(const join& rule, option_check& report) {
  report.require(to_string(rule.mode) != "unknown", "mode",
                 "is " + std::to_string(static_cast<int>(rule.mode))
                     + ", an unknown strategy; it must be all, collect, quorum or first");
  if (rule.mode == join_mode::quorum) report.at_least("quorum", rule.quorum, 1);
}

void troupe_check_children(const join& rule, option_check& report, std::size_t branches) {
  if (rule.mode == join_mode::quorum)
    report.at_most("quorum", rule.quorum, description::as_signed(branches));
}

join_state::join_state(join rule, std::size_t branches) : rule_(rule), branches_(branches) {
  verdict_ = judge();
}

join_state::verdict join_state::record(bool success) {
  ++(success ? successes_ : failures_);
  if (verdict_ == verdict::open) verdict_ = judge();
  return verdict_;
}

join_state::verdict join_state::judge() const {
  const auto ended = successes_ + failures_ >= branches_;
  if (rule_.mode == join_mode::collect) {
    if (!ended) return verdict::open;
    return successes_ > 0 || branches_ == 0 ? verdict::succeeded : verdict::failed;
  }
  const auto wanted = needed();
  if (successes_ >= wanted) return verdict::succeeded;
  return failures_ + wanted > branches_ ? verdict::failed : verdict::open;
}

std::size_t join_state::needed() const {
  switch (rule_.mode) {
  case join_mode::all:
  case join_mode::collect: return branches_;
  case join_mode::quorum: return static_cast<std::size_t>(std::max(rule_.quorum, 0));
  case join_mode::first: return 1;
  }
  return branches_;
}

} // namespace troupe
