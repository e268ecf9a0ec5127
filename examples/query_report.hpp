#pragma once

#include <troupe/troupe.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::examples {

/// Reads the queries of a JSON-lines file, at most `count`; throws `std::runtime_error` that names
/// file and line.
[[nodiscard]] std::vector<std::string> read_queries(const std::string& file, std::size_t count);

/// The query in lower case, without punctuation and doubled spaces: what makes two of them the
/// same.
[[nodiscard]] std::string normalized(const std::string& query);

/// Follows many runs: progress on a terminal while they go on, totals at the end.
class query_report {
public:
  query_report(std::size_t expected, std::map<std::string, token_price> prices);

  void add(const run_result& result);
  /// Collects what breakers do, and when.
  [[nodiscard]] std::shared_ptr<observer> breaker_watcher();
  void print(const deployment_metrics& metrics);
  [[nodiscard]] bool all_answered() const;

private:
  void show_progress();
  [[nodiscard]] double price_of(const chat_answer& answer) const;

  mutable std::mutex mutex_;
  std::size_t expected_;
  std::map<std::string, token_price> prices_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::size_t done_ = 0;
  std::size_t failed_ = 0;
  std::size_t hits_ = 0;
  std::size_t fallbacks_ = 0;
  double saved_usd_ = 0;
  std::map<std::string, std::size_t> answered_by_;
  std::vector<std::string> breaker_changes_;
};

} // namespace troupe::examples
