#include "graph_layout.hpp"

#include <troupe/workflows/graph.hpp>

namespace troupe {

namespace {

using detail::graph_cluster;
using detail::graph_edge;
using detail::graph_label;
using detail::graph_node;
using detail::node_shape;

bool is_name_character(char one) {
  return (one >= '0' && one <= '9') || (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z');
}

// Mermaid reads HTML, Markdown, comments and colors even inside quotes, so everything that may mean
// something is written as an entity, in the form with a number sign.
std::string escaped(std::string_view text) {
  constexpr std::string_view special = "\"#&<>`%:;|\\{}[]()*~$";
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto one = text[at];
    const auto next = at + 1 < text.size() ? text[at + 1] : ' ';
    const bool is_inside = at > 0 && is_name_character(text[at - 1]) && is_name_character(next);
    const bool starts_list = next == ' ' && (one == '-' || one == '+' || one == '.');
    const bool is_special =
        special.find(one) != std::string_view::npos || starts_list || (one == '_' && !is_inside);
    if (is_special) result += '#' + std::to_string(static_cast<int>(one)) + ';';
    else result += one;
  }
  return result;
}

std::string quoted(const graph_label& label) {
  auto result = '"' + escaped(label.title);
  for (const auto* line : {&label.detail, &label.badges}) {
    if (!line->empty()) result += "<br/><small>" + escaped(*line) + "</small>";
  }
  return result + '"';
}

class mermaid_writer {
public:
  std::string run(const detail::graph_layout& layout) {
    text_ = "flowchart TD\n";
    write_inside(layout.all, "  ");
    for (const auto& edge : layout.edges) write(edge);
    if (!junctions_.empty()) {
      text_ += "  classDef junction fill:#888,stroke:#888\n  class " + junctions_ + " junction\n";
    }
    return std::move(text_);
  }

private:
  void write_inside(const graph_cluster& cluster, const std::string& indent) {
    for (const auto& node : cluster.nodes) write(node, indent);
    for (const auto& inner : cluster.clusters) {
      text_ += indent + "subgraph " + inner.id + '[' + quoted(inner.label) + "]\n";
      write_inside(inner, indent + "  ");
      text_ += indent + "end\n";
    }
  }

  void write(const graph_node& node, const std::string& indent) {
    text_ += indent + node.id;
    switch (node.shape) {
    case node_shape::step: text_ += '[' + quoted(node.label) + ']'; break;
    case node_shape::pause: text_ += "([" + quoted(node.label) + "])"; break;
    case node_shape::pipeline: text_ += "[[" + quoted(node.label) + "]]"; break;
    case node_shape::decision: text_ += '{' + quoted(node.label) + '}'; break;
    case node_shape::note: text_ += '>' + quoted(node.label) + ']'; break;
    case node_shape::junction:
      text_ += "((\" \"))";
      junctions_ += (junctions_.empty() ? "" : ",") + node.id;
      break;
    }
    text_ += '\n';
  }

  void write(const graph_edge& edge) {
    text_ += "  " + edge.from + (edge.is_dashed ? " -.->" : " -->");
    if (!edge.label.empty()) text_ += "|\"" + escaped(edge.label) + "\"|";
    text_ += ' ' + edge.to + '\n';
  }

  std::string text_;
  std::string junctions_;
};

} // namespace

std::string to_mermaid(const plan& tree) {
  return mermaid_writer().run(lay_out(detail::draw(tree)));
}

} // namespace troupe
