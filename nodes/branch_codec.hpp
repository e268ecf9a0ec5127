#pragma once

#include "wire.hpp"

#include <troupe/actors/run_event.hpp>
#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/step_request.hpp>
#include <troupe/protocol/step_result.hpp>
#include <troupe/protocol/value.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::nodes {

/// Names one request to one worker. Never used again, so that a late result of a worker that was
/// given up is told from one that is waited for.
using dispatch_number = std::uint64_t;
/// Names a branch between a coordinator and its workers.
using branch_number = std::uint64_t;

/// What travels of a request: deadlines as time left, the run as who it is and what it may still
/// spend. Clocks of two machines are never compared.
struct remote_request {
  dispatch_number dispatch = 0;
  branch_number branch = 0;
  step_request request{};
};

/// Adds it to a message; a failure says what cannot travel.
outcome<std::size_t> write_request(frame_writer& to, dispatch_number dispatch, branch_number branch,
                                   const step_request& request, instant now);
/// The request gets a run of its own that counts what it did here, and reports to nobody.
outcome<remote_request> read_request(const value& content, instant now);

/// What travels of a result: the context only as changes to the one that was sent, and what the run
/// has counted meanwhile.
outcome<std::size_t> write_result(frame_writer& to, dispatch_number dispatch,
                                  const step_result& result, const context& before,
                                  const run_scope& run);
/// Hands work back that has not ended, to be done elsewhere; `why` is for those who do not.
outcome<std::size_t> write_hand_back(frame_writer& to, dispatch_number dispatch,
                                     const std::shared_ptr<const failure>& why);

/// A message of results. Requests that end alike, such as many that are told to stop, share one
/// item.
class results_writer {
public:
  outcome<std::size_t> add(dispatch_number dispatch, const step_result& result,
                           const context& before, const run_scope& run);
  void hand_back(dispatch_number dispatch, const std::shared_ptr<const failure>& why);
  [[nodiscard]] bool empty() const noexcept { return written_.items() == 0 && alike_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept;
  /// The body; the writer is as new.
  [[nodiscard]] frame take();

private:
  bool join(dispatch_number dispatch, const failure& why);
  void close_item();

  frame_writer written_{message_kind::results};
  value::list_type alike_; ///< the requests of the item that is still open
  std::shared_ptr<const failure> why_{};
};

struct remote_result {
  dispatch_number dispatch = 0; ///< 0 where it answers several
  step_result result{};
  bool is_handed_back = false;
  value content{}; ///< as it came, for `settle_result`
};
outcome<remote_result> read_result(const value& content);
/// The requests that an item of a message of results answers; empty for anything that is none.
[[nodiscard]] std::vector<dispatch_number> answered_by(const value& content);
/// Puts a result into the world of the request it answers: its context, and what its run counts.
void settle_result(remote_result& result, const step_request& request, instant sent);

/// What a request has spent just now, told before it ends: among its events.
[[nodiscard]] value write_usage(dispatch_number dispatch, const usage& spent);
/// Nothing for anything else.
[[nodiscard]] std::optional<usage> read_usage(const value& content);

/// An event of a request that works elsewhere; item 0 is left for its dispatch number.
[[nodiscard]] value::list_type write_event(const run_event& event, const run_scope& run);
/// Holds what an event points to.
struct remote_event {
  dispatch_number dispatch = 0;
  run_event event{.kind = event_kind::warning};
  std::string step{};
  std::string detail{};
  std::string path{};
  std::shared_ptr<const failure> why{};
  std::shared_ptr<step_result> result{};
  std::shared_ptr<const turn> turns{};
  duration since_start{};
};
outcome<std::unique_ptr<remote_event>> read_event(const value& content);

} // namespace troupe::nodes
