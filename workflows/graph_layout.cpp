#include "graph_layout.hpp"

#include <utility>

namespace troupe::detail {

namespace {

class layouter {
public:
  graph_layout run(const stage_drawing& root) {
    draw(root, layout_.all);
    return std::move(layout_);
  }

private:
  /// Where arrows to and from a stage end and start.
  struct ends {
    std::string entry;
    std::vector<std::string> exits;
  };

  ends draw(const stage_drawing& stage, graph_cluster& frame) {
    auto result = draw_core(stage, frame);
    for (const auto& undo : stage.undone_by) {
      const auto other = draw(undo, frame);
      layout_.edges.push_back({.from = result.exits.front(),
                               .to = other.entry,
                               .label = "compensate",
                               .is_dashed = true});
    }
    return result;
  }

  ends draw_core(const stage_drawing& stage, graph_cluster& frame) {
    if (stage.is_cut) return at(add(node_shape::note, {.title = stage.title}, frame));
    switch (stage.kind) {
    case plan_kind::pause: return at(add(node_shape::pause, label_of(stage), frame));
    case plan_kind::use: return at(add(node_shape::pipeline, label_of(stage), frame));
    case plan_kind::sequence: {
      const bool is_spliced = stage.title == "sequence" && stage.badges.empty();
      return is_spliced ? in_sequence(stage, frame) : framed(stage, frame, &layouter::in_sequence);
    }
    case plan_kind::fallback:
      return stage.badges.empty() ? in_levels(stage, frame)
                                  : framed(stage, frame, &layouter::in_levels);
    case plan_kind::parallel:
    case plan_kind::map:
    case plan_kind::branch:
    case plan_kind::router: return framed(stage, frame, &layouter::in_branches);
    case plan_kind::loop: return framed(stage, frame, &layouter::in_loop);
    default: return at(add(node_shape::step, label_of(stage), frame));
    }
  }

  ends framed(const stage_drawing& stage, graph_cluster& frame,
              ends (layouter::*inside)(const stage_drawing&, graph_cluster&)) {
    graph_cluster inner;
    inner.id = next_id();
    inner.label = label_of(stage);
    if (stage.kind != plan_kind::map) inner.label.detail.clear();
    else if (!stage.detail.empty()) inner.label.detail = "over " + stage.detail;
    auto result = (this->*inside)(stage, inner);
    frame.clusters.push_back(std::move(inner));
    return result;
  }

  ends in_sequence(const stage_drawing& stage, graph_cluster& frame) {
    ends result;
    for (const auto& one : stage.children) {
      auto next = draw(one.stage, frame);
      for (const auto& from : result.exits) layout_.edges.push_back({from, next.entry});
      if (result.entry.empty()) result.entry = next.entry;
      result.exits = std::move(next.exits);
    }
    return result.entry.empty() ? at(add(node_shape::junction, {}, frame)) : result;
  }

  ends in_levels(const stage_drawing& stage, graph_cluster& frame) {
    ends result;
    std::string before;
    for (const auto& one : stage.children) {
      const auto next = draw(one.stage, frame);
      if (result.entry.empty()) result.entry = next.entry;
      else
        layout_.edges.push_back(
            {.from = before, .to = next.entry, .label = "fallback", .is_dashed = true});
      before = next.exits.back();
      result.exits.insert(result.exits.end(), next.exits.begin(), next.exits.end());
    }
    return result.entry.empty() ? at(add(node_shape::junction, {}, frame)) : result;
  }

  ends in_branches(const stage_drawing& stage, graph_cluster& frame) {
    const bool decides = stage.kind == plan_kind::branch || stage.kind == plan_kind::router;
    const auto question = stage.detail.empty() ? std::string("which?") : stage.detail;
    const auto fork = decides ? add(node_shape::decision, {.title = question}, frame)
                              : add(node_shape::junction, {}, frame);
    std::vector<std::string> exits;
    for (const auto& [label, one] : stage.children) {
      const auto next = draw(one, frame);
      const auto shown = decides || label != one.title ? label : "";
      layout_.edges.push_back({fork, next.entry, one.is_cut ? "" : shown});
      exits.insert(exits.end(), next.exits.begin(), next.exits.end());
    }
    const auto join = add(node_shape::junction, {}, frame);
    if (exits.empty()) exits.push_back(fork);
    for (const auto& from : exits) layout_.edges.push_back({from, join});
    return {fork, {join}};
  }

  ends in_loop(const stage_drawing& stage, graph_cluster& frame) {
    const auto body = in_sequence(stage, frame);
    const auto end = add(node_shape::junction, {}, frame);
    for (const auto& from : body.exits) layout_.edges.push_back({from, end});
    layout_.edges.push_back({.from = end,
                             .to = body.entry,
                             .label = stage.detail.empty() ? "until done" : "until " + stage.detail,
                             .goes_back = true});
    return {body.entry, {end}};
  }

  static graph_label label_of(const stage_drawing& stage) {
    return {.title = stage.title, .detail = stage.detail, .badges = badge_line(stage)};
  }

  std::string next_id() { return "n" + std::to_string(++ids_); }

  std::string add(node_shape shape, graph_label label, graph_cluster& frame) {
    frame.nodes.push_back({next_id(), shape, std::move(label)});
    return frame.nodes.back().id;
  }

  static ends at(const std::string& id) { return {id, {id}}; }

  graph_layout layout_;
  std::size_t ids_ = 0;
};

} // namespace

graph_layout lay_out(const stage_drawing& root) {
  return layouter().run(root);
}

} // namespace troupe::detail
