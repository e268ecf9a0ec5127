#pragma once

#include <troupe/protocol/plan.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace troupe::detail {

/// What a picture shows of one stage. All texts are one short line of UTF-8 without control
/// characters.
struct stage_drawing {
  struct child;

  plan_kind kind = plan_kind::step;
  bool is_cut = false; ///< stands for everything that is left out
  std::string title{};
  std::string detail{}; ///< type of a step, prompt, or what the stage decides by; may be empty
  std::vector<std::string> badges{};
  std::vector<child> children;
  std::vector<stage_drawing> undone_by; ///< compensations
};

struct stage_drawing::child {
  std::string label{}; ///< of a branch
  stage_drawing stage{};
};

/// Takes the policies off the stages and makes badges of them.
[[nodiscard]] stage_drawing draw(const plan& tree);

/// `retry 3 · timeout 30s`; empty when there are no badges.
[[nodiscard]] std::string badge_line(const stage_drawing& stage);

} // namespace troupe::detail
