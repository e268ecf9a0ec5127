#include <troupe/protocol/usage.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

namespace troupe {

namespace {

constexpr double tolerance_usd = 1e-9;

std::string dollars(double amount) {
  // The largest double has 309 digits in front of the point.
  std::array<char, 350> text{};
  std::snprintf(text.data(), text.size(), "%.9f", amount);
  std::string result = text.data();
  result.erase(result.find_last_not_of('0') + 1);
  if (!result.empty() && result.back() == '.') result.pop_back();
  return result;
}

std::int64_t saturated(std::int64_t total, std::int64_t more) {
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  return total > largest - more ? largest : total + more;
}

template <class T, class Next>
void update(std::atomic<T>& total, const Next& next) noexcept {
  auto seen = total.load(std::memory_order_relaxed);
  while (!total.compare_exchange_weak(seen, next(seen), std::memory_order_relaxed)) {
  }
}

} // namespace

std::optional<std::string> usage_limit::broken_by(const usage& total) const {
  if (cost_usd && total.cost_usd > *cost_usd + tolerance_usd) {
    return "cost " + dollars(total.cost_usd) + " USD exceeds the limit of " + dollars(*cost_usd)
           + " USD";
  }
  if (tokens && total.tokens > *tokens) {
    return "used " + std::to_string(total.tokens) + " tokens, which exceeds the limit of "
           + std::to_string(*tokens) + " tokens";
  }
  return std::nullopt;
}

usage_meter::usage_meter(usage_limit limit, std::shared_ptr<usage_meter> parent,
                         std::function<void(const usage&)> on_add)
    : limit_(limit), parent_(std::move(parent)), on_add_(std::move(on_add)) {}

bool usage_meter::add(const usage& spent) noexcept {
  const auto good_cost = std::isfinite(spent.cost_usd) && spent.cost_usd >= 0;
  const auto good_tokens = spent.tokens >= 0;
  const auto cost = good_cost ? spent.cost_usd : 0;
  const auto tokens = good_tokens ? spent.tokens : 0;
  for (auto* meter = this; meter != nullptr; meter = meter->parent_.get()) {
    if (cost > 0) {
      update(meter->cost_usd_, [cost](double total) {
        return std::min(total + cost, std::numeric_limits<double>::max());
      });
    }
    if (tokens > 0) {
      update(meter->tokens_, [tokens](std::int64_t total) { return saturated(total, tokens); });
    }
    if (meter->on_add_ && (cost > 0 || tokens > 0)) meter->on_add_({cost, tokens});
  }
  return good_cost && good_tokens;
}

usage usage_meter::total() const noexcept {
  return {.cost_usd = cost_usd_.load(), .tokens = tokens_.load()};
}

std::optional<std::string> usage_meter::broken() const {
  for (const auto* meter = this; meter != nullptr; meter = meter->parent_.get()) {
    if (!meter->limit_.cost_usd && !meter->limit_.tokens) continue;
    if (auto told = meter->limit_.broken_by(meter->total())) return told;
  }
  return std::nullopt;
}

} // namespace troupe
