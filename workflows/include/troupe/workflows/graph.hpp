#pragma once

#include <troupe/protocol/plan.hpp>

#include <string>

namespace troupe {

// Pictures of a plan, for people. Policies are shown with the stage they protect, the outermost
// first. Equal plans give equal pictures. A plan of more than 500 stages is cut there, with a note.

/// Returns a flowchart for Mermaid.
[[nodiscard]] std::string to_mermaid(const plan& tree);

/// Returns a graph for Graphviz.
[[nodiscard]] std::string to_dot(const plan& tree);

/// Returns an indented tree, one stage a line.
[[nodiscard]] std::string to_text(const plan& tree);

} // namespace troupe
