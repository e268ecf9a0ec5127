#include "graph_layout.hpp"

#include <troupe/workflows/graph.hpp>

namespace troupe {

namespace {

using detail::graph_cluster;
using detail::graph_edge;
using detail::graph_label;
using detail::graph_node;
using detail::node_shape;

// For labels in the HTML of Graphviz, which still reads `\N` and the like as its own.
std::string escaped(std::string_view text) {
  std::string result;
  for (const auto one : text) {
    switch (one) {
    case '&': result += "&amp;"; break;
    case '<': result += "&lt;"; break;
    case '>': result += "&gt;"; break;
    case '"': result += "&quot;"; break;
    case '\\': result += "\\\\"; break;
    default: result += one;
    }
  }
  return result;
}

std::string html(const graph_label& label) {
  auto result = '<' + escaped(label.title);
  for (const auto* line : {&label.detail, &label.badges}) {
    if (line->empty()) continue;
    result += "<BR/><FONT POINT-SIZE=\"10\">" + escaped(*line) + "</FONT>";
  }
  return result + '>';
}

class dot_writer {
public:
  std::string run(const detail::graph_layout& layout) {
    text_ = "digraph workflow {\n"
            "  charset=\"UTF-8\"\n"
            "  node [shape=box, fontname=\"sans-serif\", fontsize=12]\n"
            "  edge [fontname=\"sans-serif\", fontsize=10]\n"
            "  graph [fontname=\"sans-serif\", fontsize=12, color=gray, style=rounded]\n";
    write_inside(layout.all, "  ");
    for (const auto& edge : layout.edges) write(edge);
    return std::move(text_) + "}\n";
  }

private:
  void write_inside(const graph_cluster& cluster, const std::string& indent) {
    for (const auto& node : cluster.nodes) write(node, indent);
    for (const auto& inner : cluster.clusters) {
      text_ += indent + "subgraph cluster_" + inner.id + " {\n";
      text_ += indent + "  label=" + html(inner.label) + '\n';
      write_inside(inner, indent + "  ");
      text_ += indent + "}\n";
    }
  }

  void write(const graph_node& node, const std::string& indent) {
    text_ += indent + node.id + " [";
    switch (node.shape) {
    case node_shape::step: break;
    case node_shape::pause: text_ += "style=rounded, "; break;
    case node_shape::pipeline: text_ += "peripheries=2, "; break;
    case node_shape::decision: text_ += "shape=diamond, "; break;
    case node_shape::note: text_ += "shape=note, "; break;
    case node_shape::junction:
      text_ += "shape=circle, style=filled, fillcolor=gray, color=gray, width=0.15, label=\"\"]\n";
      return;
    }
    text_ += "label=" + html(node.label) + "]\n";
  }

  void write(const graph_edge& edge) {
    std::string about;
    if (!edge.label.empty()) about += "label=" + html({.title = edge.label}) + ", ";
    if (edge.is_dashed) about += "style=dashed, ";
    if (edge.goes_back) about += "constraint=false, ";
    text_ += "  " + edge.from + " -> " + edge.to;
    if (!about.empty()) text_ += " [" + about.substr(0, about.size() - 2) + ']';
    text_ += '\n';
  }

  std::string text_;
};

} // namespace

std::string to_dot(const plan& tree) {
  return dot_writer().run(lay_out(detail::draw(tree)));
}

} // namespace troupe
