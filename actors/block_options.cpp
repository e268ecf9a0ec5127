#include <troupe/actors/block_options.hpp>

namespace troupe {

namespace {

void add_identity(value::map_type& about, const char* name, const std::string& identity) {
  if (!identity.empty()) about.emplace_back(name, identity);
}

} // namespace

value troupe_describe(const block_options& options) {
  value::map_type about{{"join", static_cast<int>(options.joined.mode)},
                        {"merge", static_cast<int>(options.merge)},
                        {"max_in_flight", options.max_in_flight}};
  if (options.joined.mode == join_mode::quorum) about.emplace_back("quorum", options.joined.quorum);
  value::list_type keys(options.context_include_keys.begin(), options.context_include_keys.end());
  if (!keys.empty()) about.emplace_back("context_include_keys", std::move(keys));
  add_identity(about, "on_context_conflict", options.on_context_conflict.identity());
  add_identity(about, "over", options.over.identity());
  add_identity(about, "choose", options.choose.identity());
  return value::map(std::move(about));
}

void troupe_check(const block_options& options, option_check& report) {
  report.at_least("max_in_flight", options.max_in_flight, 1);
  report.at_most("max_in_flight", options.max_in_flight, 1'000'000);
  if (options.joined.mode == join_mode::quorum) report.at_least("quorum", options.joined.quorum, 1);
}

void troupe_check_children(const block_options& options, option_check& report, std::size_t count) {
  if (options.joined.mode != join_mode::quorum || options.over) return;
  report.at_most("quorum", options.joined.quorum, static_cast<std::int64_t>(count));
}

value troupe_describe(const branch_options& options) {
  value::map_type about;
  add_identity(about, "key", options.key.identity());
  return value::map(std::move(about));
}

void troupe_check(const branch_options& options, option_check& report) {
  report.require(static_cast<bool>(options.key), "key", "is missing; it chooses the branch");
}

value troupe_describe(const loop_options& options) {
  value::map_type about{{"max_iterations", options.max_iterations}};
  add_identity(about, "until", options.until.identity());
  add_identity(about, "next", options.next.identity());
  return value::map(std::move(about));
}

void troupe_check(const loop_options& options, option_check& report) {
  report.require(static_cast<bool>(options.until), "until", "is missing; it ends the loop");
  report.at_least("max_iterations", options.max_iterations, 1);
  report.at_most("max_iterations", options.max_iterations, 1'000'000);
}

} // namespace troupe
