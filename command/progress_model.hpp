#pragma once

#include "stage_outline.hpp"

#include <troupe/actors/run_event.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::detail {

/// Where one stage stands.
struct stage_progress {
  enum class state : std::uint8_t {
    waiting,
    running,
    backing_off, ///< waits before it tries again
    done,
    cached,
    degraded, ///< a fallback has answered in its place
    failed,
    cancelled,
    paused,
  };

  state now = state::waiting;
  std::optional<instant> started{};
  instant ended{};
  instant next_try{};                 ///< while it backs off
  std::uint32_t attempt = 0;          ///< the current one; 0: none was made
  std::uint64_t turn = 0;             ///< of a loop
  bool fallback_active = false;       ///< what happens inside counts no more
  std::string note{};                 ///< what else there is to say
  std::string message{};              ///< why it failed, or what it asks
  std::optional<std::size_t> items{}; ///< how many items its output is a list of

  [[nodiscard]] bool is_open() const noexcept {
    return now == state::running || now == state::backing_off;
  }
  [[nodiscard]] bool has_ended() const noexcept { return now != state::waiting && !is_open(); }
};

/// How many of the repetitions of a stage inside a map, or of the items of the map itself, are
/// where.
struct progress_counts {
  std::size_t running = 0;
  std::size_t done = 0;
  std::size_t failed = 0;
  std::optional<std::size_t> all{}; ///< where known
};

/// What is going on in one run: events in, state out. Pure: time comes with the events.
///
/// Only steps and policies report; where the blocks around them stand is concluded from that.
class progress_model {
public:
  explicit progress_model(stage_outline outline);

  void apply(const run_event& event);
  /// How many items the input of the run is a list of.
  void input_has(std::size_t items) { input_items_ = items; }

  [[nodiscard]] const stage_outline& outline() const noexcept { return outline_; }
  /// The items of the maps around a stage, the outermost first.
  using repetition = std::vector<std::uint64_t>;
  [[nodiscard]] const stage_progress& at(std::size_t stage, const repetition& which = {}) const;
  /// True for a stage that runs many times, once for each item of a map around it.
  [[nodiscard]] bool is_repeated(std::size_t stage) const { return repeated_[stage]; }
  [[nodiscard]] progress_counts counts(std::size_t stage) const;
  /// `open` and so on, once a breaker in front of the stage is not closed; else empty.
  [[nodiscard]] const std::string& breaker(std::size_t stage) const { return breakers_[stage]; }
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }
  [[nodiscard]] std::size_t dropped_warnings() const noexcept { return dropped_warnings_; }

private:
  using state = stage_progress::state;
  struct spot {
    std::size_t stage;
    repetition which;
  };

  stage_progress& progress_of(const spot& where) { return all_[where.stage][where.which]; }
  [[nodiscard]] spot parent_of(const spot& where) const;
  void follow_turns(const run_event& event, const outlined_place& place, spot& where);
  [[nodiscard]] bool is_late(spot where) const;
  void open(const spot& where, instant at);
  void open_around(spot where, instant at);
  void end(const spot& where, state how, instant at);
  void forget_inside(const spot& where);
  void on_stage_event(const run_event& event, const outlined_place& place);
  void on_retry(const run_event& event, const spot& where);
  void on_step_finished(const run_event& event, const spot& where);
  void conclude_around(spot where, instant at);
  [[nodiscard]] state conclusion(const spot& where) const;
  [[nodiscard]] state conclusion_of_sequence(const spot& where) const;
  [[nodiscard]] state conclusion_of_block(const spot& where) const;
  void finish_run(const run_event& event);
  [[nodiscard]] bool has_failed_inside(const spot& where) const;
  void warn(const run_event& event);

  [[nodiscard]] std::optional<std::size_t> items_of(std::size_t map) const;
  [[nodiscard]] progress_counts item_counts(std::size_t map) const;

  stage_outline outline_;
  std::vector<bool> repeated_;
  std::vector<std::map<repetition, stage_progress>> all_; // by stage
  std::vector<std::string> breakers_;                     // by stage
  std::vector<std::string> warnings_;
  std::size_t dropped_warnings_ = 0;
  std::optional<std::size_t> input_items_;
};

} // namespace troupe::detail
