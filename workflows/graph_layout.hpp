#pragma once

#include "stage_drawing.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::detail {

enum class node_shape : std::uint8_t { step, pause, pipeline, decision, junction, note };

struct graph_label {
  std::string title{};
  std::string detail{}; ///< in small
  std::string badges{}; ///< in small
};

struct graph_node {
  std::string id;
  node_shape shape;
  graph_label label;
};

/// A frame around nodes and other frames.
struct graph_cluster {
  std::string id{};
  graph_label label{};
  std::vector<graph_node> nodes{};
  std::vector<graph_cluster> clusters;
};

struct graph_edge {
  std::string from;
  std::string to;
  std::string label{};
  bool is_dashed = false; ///< taken only when something failed
  bool goes_back = false;
};

struct graph_layout {
  graph_cluster all{};
  std::vector<graph_edge> edges{};
};

/// Makes nodes, frames and arrows of stages. Ids are `n1`, `n2` and so on, in the order in which
/// the stages are read.
[[nodiscard]] graph_layout lay_out(const stage_drawing& root);

} // namespace troupe::detail
