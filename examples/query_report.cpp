#include "query_report.hpp"

#include <troupe/protocol/json.hpp>

#include <unistd.h>

#include <cctype>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace troupe::examples {

std::vector<std::string> read_queries(const std::string& file, std::size_t count) {
  std::ifstream lines(file);
  if (!lines) throw std::runtime_error("cannot read " + file);
  std::vector<std::string> queries;
  std::string line;
  for (std::size_t number = 1; queries.size() < count && std::getline(lines, line); ++number) {
    const auto parsed = parse_json(line);
    const auto* query = parsed ? parsed->at("query").if_text() : nullptr;
    if (!query) {
      throw std::runtime_error(file + ':' + std::to_string(number)
                               + ": expected {\"query\": text}");
    }
    queries.push_back(*query);
  }
  return queries;
}

std::string normalized(const std::string& query) {
  std::string words;
  for (const char letter : query) {
    const auto code = static_cast<unsigned char>(letter);
    if (std::isspace(code) && !words.empty() && words.back() != ' ') words += ' ';
    if (!std::isspace(code) && !std::ispunct(code)) words += static_cast<char>(std::tolower(code));
  }
  if (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

query_report::query_report(std::size_t expected, std::map<std::string, token_price> prices)
    : expected_(expected), prices_(std::move(prices)) {}

void query_report::add(const run_result& result) {
  const std::scoped_lock lock(mutex_);
  ++done_;
  hits_ += result.metrics.cache_hit ? 1 : 0;
  fallbacks_ += result.metrics.fallback_used ? 1 : 0;
  if (const auto answer = from_value<chat_answer>(result.output); result.success() && answer) {
    ++answered_by_[answer->model];
    if (result.metrics.cache_hit) saved_usd_ += price_of(*answer);
  } else {
    ++failed_;
  }
  show_progress();
}

double query_report::price_of(const chat_answer& answer) const {
  const auto price = prices_.find(answer.model);
  if (price == prices_.end()) return 0;
  return (static_cast<double>(answer.prompt_tokens) * price->second.input_usd
          + static_cast<double>(answer.completion_tokens) * price->second.output_usd)
         / 1e6;
}

std::shared_ptr<observer> query_report::breaker_watcher() {
  return make_observer({.on_breaker_transition = [this](const run_event& event) {
    const std::scoped_lock lock(mutex_);
    const auto at = std::chrono::steady_clock::now() - started_;
    std::ostringstream text;
    text << std::fixed << std::setprecision(1) << std::chrono::duration<double>(at).count() << " s "
         << event.step << ' ' << event.detail;
    breaker_changes_.push_back(text.str());
  }});
}

void query_report::show_progress() {
  if (isatty(STDERR_FILENO) == 0) return;
  constexpr std::size_t width = 30;
  const auto filled = width * done_ / std::max<std::size_t>(1, expected_);
  std::cerr << "\r[" << std::string(filled, '#') << std::string(width - filled, '.') << "] "
            << done_ << '/' << expected_ << "  hits " << hits_ << "  fallbacks " << fallbacks_
            << "  failed " << failed_ << "   " << (done_ == expected_ ? "\n" : "") << std::flush;
}

void query_report::print(const deployment_metrics& metrics) {
  const std::scoped_lock lock(mutex_);
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_);
  const auto ms = [](duration length) {
    return std::chrono::duration<double, std::milli>(length).count();
  };
  std::cout << std::fixed << std::setprecision(1) << "queries             " << done_ << " in "
            << seconds.count() << " s, " << failed_ << " failed\n"
            << std::setprecision(2) << "latency             p50 " << ms(metrics.p50) << " ms, p95 "
            << ms(metrics.p95) << " ms, p99 " << ms(metrics.p99) << " ms\n"
            << std::setprecision(1) << "cache hit rate      " << 100 * metrics.cache_hit_rate
            << " %\n"
            << "fallback rate       " << 100 * metrics.fallback_rate << " %\n"
            << "retries             " << metrics.retries << '\n';
  for (const auto& [model, count] : answered_by_) {
    std::cout << "answered by         " << model << ": " << count << '\n';
  }
  for (const auto& change : breaker_changes_) std::cout << "breaker             " << change << '\n';
  std::cout << std::setprecision(4) << "tokens              " << metrics.total_tokens << '\n'
            << "cost                $" << metrics.total_cost_usd << '\n'
            << "cost without the cache $" << metrics.total_cost_usd + saved_usd_ << '\n';
}

bool query_report::all_answered() const {
  const std::scoped_lock lock(mutex_);
  return done_ == expected_ && failed_ == 0;
}

} // namespace troupe::examples
