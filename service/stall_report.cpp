#include "stall_report.hpp"

#include <array>
#include <cstdio>

namespace troupe::service {

namespace {

std::string seconds(duration length) {
  std::array<char, 32> text{};
  const auto shown = std::chrono::duration<double>(length).count();
  std::snprintf(text.data(), text.size(), "%.1f s", shown);
  return text.data();
}

} // namespace

std::string stall_report(const run_log::progress& progress, duration quiet,
                         const std::vector<wait_reason>& chain, const run_book_options& options) {
  if (progress.sleeps) return {};
  if (chain.empty()) {
    if (quiet < options.idle_after) return {};
    return "the run does not get on: nothing is at work and nothing is waited for, since "
           + seconds(quiet);
  }
  if (quiet < options.stall_after) return {};
  const auto& first = chain.front();
  const auto is_named = first.step.empty() || first.text.find(first.step) != std::string::npos;
  return "the run does not get on: nothing has happened for " + seconds(quiet) + "; " + first.text
         + (is_named ? "" : " (" + first.step + ")");
}

} // namespace troupe::service
