#pragma once

#include <troupe/policies/join.hpp>
#include <troupe/protocol/plan.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

/// A stage that people are shown. Policies are no stages of their own but part of what they
/// protect.
struct outlined_stage {
  enum class role : std::uint8_t { step, sequence, parallel, map, branch, loop, pause };
  /// What it is to its parent.
  enum class part : std::uint8_t { member, fallback, undo };

  std::string label{};
  role what = role::step;
  part as = part::member;
  std::size_t parent = 0;
  std::size_t depth = 0;
  std::size_t end = 0;                ///< the stages inside it are those up to this one
  std::vector<std::size_t> members{}; ///< in the order in which they run
  int max_attempts = 1;               ///< of the innermost retry around it
  std::optional<join> joined{};       ///< of a block
  bool has_own_list = false;          ///< of a map: works on something else than its input
};

/// Where an event belongs to.
struct outlined_place {
  /// A map or loop around the place.
  struct turn_block {
    std::size_t stage;
    bool is_map;
  };
  std::size_t stage = 0;
  plan_kind kind = plan_kind::step;
  std::vector<turn_block> turns{}; ///< innermost first
};

/// What a plan looks like to people: its stages from the outside in, the first of them the whole
/// pipeline, and where in it the paths of events lead.
class stage_outline {
public:
  stage_outline(std::string name, const plan& tree, const plan::resolver& find);

  [[nodiscard]] const std::vector<outlined_stage>& stages() const noexcept { return stages_; }
  [[nodiscard]] const outlined_place* find(std::string_view path) const;
  /// How many entries a successful run has in its history.
  [[nodiscard]] std::size_t top_level_steps() const noexcept { return stages_[0].members.size(); }

private:
  class builder;
  std::vector<outlined_stage> stages_;
  std::map<std::string, outlined_place, std::less<>> places_;
};

} // namespace troupe::detail
