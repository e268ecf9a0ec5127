#pragma once

#include "progress_model.hpp"
#include "terminal_text.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace troupe::detail {

/// How to draw.
struct view_options {
  std::size_t columns = 80;
  std::size_t rows = 0; ///< at most so many lines; 0: as many as there are
  bool colored = false;
  bool cancelling = false; ///< the user has asked for the end
};

/// The stages of a run as a tree, one line each, as they stand at `now`.
[[nodiscard]] std::vector<std::string> draw_tree(const progress_model& model, instant now,
                                                 const view_options& options);

/// How far many runs have come.
struct batch_progress {
  std::size_t all = 0;
  std::size_t ended = 0;
  std::size_t hits = 0;
  std::size_t failed = 0;
  std::map<std::string, std::string> breakers{}; ///< those that are not closed, by name
  instant started{};
};

/// `[####……] 212/400  53 %  31/s  eta 6 s  hits 64 %  failed 2  breaker gpt4 open`
[[nodiscard]] std::vector<std::string> draw_bar(const batch_progress& progress, instant now,
                                                const view_options& options);

} // namespace troupe::detail
