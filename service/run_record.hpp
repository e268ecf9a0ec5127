#pragma once

#include "deployment_cache.hpp"

#include <troupe/service/run_book.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::service {

/// What the book knows of one run. Guarded by the lock of the book.
struct run_record {
  run_entry about{};
  submission given{};                          ///< without the text
  std::shared_ptr<const std::string> text{};   ///< of the workflow; null for a registered pipeline
  std::shared_ptr<const live_workflow> live{}; ///< while it runs
  std::shared_ptr<script_book> scripts{};
  std::optional<any_run> handle{};
  std::string not_undone{}; ///< says so when it was cancelled while it was paused to no effect
  instant started{};
  std::size_t given_bytes = 0;   ///< what it was submitted with
  std::size_t bytes = 0;         ///< that, and the result
  bool starting = true;          ///< the handle is on its way
  bool finished = false;         ///< as far as the runtime is concerned
  std::uint64_t reported_at = 0; ///< number of the event after which it did not get on
};

/// Orders ids, and finds those that begin with a text.
struct id_order {
  using is_transparent = void;
  bool operator()(const run_id& left, const run_id& right) const { return left < right; }
  bool operator()(const run_id& left, std::string_view right) const {
    return left.to_string() < right;
  }
  bool operator()(std::string_view left, const run_id& right) const {
    return left < right.to_string();
  }
};

/// How a run is started that somebody has submitted.
[[nodiscard]] run_options options_of(const submission& given, const workflow& file);
/// Roughly what it takes to remember that submission.
[[nodiscard]] std::size_t bytes_of(const submission& given);
/// Why a run did not succeed, in a line of decent length; empty when it did.
[[nodiscard]] std::string short_failure(const run_result& result);
/// Roughly what it takes to remember that result.
[[nodiscard]] std::size_t bytes_of(const run_result& result);
/// Ends a paused run that was cancelled, and cannot be undone.
void end_as_it_is(run_record& run, const failure& why);
/// The result in its JSON form, as it is now.
[[nodiscard]] value result_of(const run_record& run);

} // namespace troupe::service
