#include "batch_totals.hpp"

#include "run_report.hpp"
#include "terminal_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace troupe::detail {

namespace {

double milliseconds(duration length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%", share * 100);
  return text.data();
}

} // namespace

void batch_totals::add(const run_result& result) {
  ++runs_;
  retries_ += result.metrics.retry_count;
  cost_usd_ += result.total_cost_usd;
  tokens_ += result.total_tokens;
  if (result.status == run_status::cancelled) ++cancelled_;
  if (result.status == run_status::paused) ++paused_;
  if (result.status == run_status::completed) ++succeeded_;
  if (result.status == run_status::failed) ++failed_;
  const auto counts = result.status == run_status::completed || result.status == run_status::failed;
  if (!counts) return;
  if (result.metrics.cache_hit) ++cache_hits_;
  if (result.metrics.fallback_used) ++fallbacks_;
  latencies_.push_back(result.latency);
}

duration batch_totals::quantile(double wanted) const {
  if (latencies_.empty()) return {};
  std::sort(latencies_.begin(), latencies_.end());
  const auto count = static_cast<double>(latencies_.size());
  const auto rank = static_cast<std::size_t>(std::ceil(wanted * count));
  return latencies_[std::clamp<std::size_t>(rank, 1, latencies_.size()) - 1];
}

double batch_totals::share(std::size_t part) const {
  const auto counted = succeeded_ + failed_;
  return counted == 0 ? 0 : static_cast<double>(part) / static_cast<double>(counted);
}

value batch_totals::to_value() const {
  auto all = value::map({{"runs", runs_},
                         {"succeeded", succeeded_},
                         {"failed", failed_},
                         {"cancelled", cancelled_},
                         {"p50_ms", milliseconds(quantile(0.5))},
                         {"p95_ms", milliseconds(quantile(0.95))},
                         {"p99_ms", milliseconds(quantile(0.99))},
                         {"cache_hit_rate", share(cache_hits_)},
                         {"fallback_rate", share(fallbacks_)},
                         {"error_rate", share(failed_)},
                         {"retries", retries_},
                         {"cost_usd", cost_usd_},
                         {"tokens", tokens_}});
  return paused_ == 0 ? all : all.with("paused", paused_);
}

std::string batch_totals::to_text() const {
  std::string text = "runs      " + std::to_string(runs_) + ": " + std::to_string(succeeded_)
                     + " succeeded, " + std::to_string(failed_) + " failed";
  if (cancelled_ > 0) text += ", " + std::to_string(cancelled_) + " cancelled";
  if (paused_ > 0) text += ", " + std::to_string(paused_) + " paused";
  text += "\nlatency   p50 " + readable(quantile(0.5)) + ", p95 " + readable(quantile(0.95))
          + ", p99 " + readable(quantile(0.99));
  text += "\nrates     cache hits " + percent(share(cache_hits_)) + ", fallbacks "
          + percent(share(fallbacks_)) + ", errors " + percent(share(failed_));
  text += "\nspent     " + dollars(cost_usd_) + ", " + std::to_string(tokens_) + " tokens, "
          + std::to_string(retries_) + (retries_ == 1 ? " retry" : " retries");
  return text + '\n';
}

} // namespace troupe::detail
