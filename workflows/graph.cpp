#include "stage_drawing.hpp"

#include <troupe/workflows/graph.hpp>

namespace troupe {

namespace {

using detail::stage_drawing;

std::string_view word_before(const stage_drawing& stage) {
  switch (stage.kind) {
  case plan_kind::branch:
  case plan_kind::router: return " on ";
  case plan_kind::map: return " over ";
  case plan_kind::loop: return " until ";
  default: return ": ";
  }
}

std::string line_of(const stage_drawing& stage) {
  auto line = stage.title;
  const bool is_step = stage.kind == plan_kind::step || stage.kind == plan_kind::use;
  if (!stage.detail.empty() && is_step) line += " (" + stage.detail + ")";
  else if (!stage.detail.empty()) line += std::string(word_before(stage)) + stage.detail;
  const auto badges = badge_line(stage);
  return badges.empty() ? line : line + " · " + badges;
}

class tree_printer {
public:
  std::string run(const stage_drawing& root) {
    text_ = line_of(root) + '\n';
    print_children(root, "");
    return std::move(text_);
  }

private:
  struct entry {
    std::string label;
    const stage_drawing* stage;
  };

  void print_children(const stage_drawing& parent, const std::string& indent) {
    std::vector<entry> entries;
    for (std::size_t at = 0; at < parent.children.size(); ++at) {
      const auto& [label, stage] = parent.children[at];
      const bool is_level = parent.kind == plan_kind::fallback && at > 0;
      entries.push_back({is_level ? "fallback" : label, &stage});
    }
    for (const auto& one : parent.undone_by) entries.push_back({"compensate", &one});
    for (const auto& [label, stage] : entries) {
      const bool is_last = stage == entries.back().stage;
      text_ += indent + (is_last ? "└─ " : "├─ ");
      if (!label.empty() && label != stage->title && !stage->is_cut) text_ += label + ": ";
      text_ += line_of(*stage) + '\n';
      print_children(*stage, indent + (is_last ? "   " : "│  "));
    }
  }

  std::string text_;
};

} // namespace

std::string to_text(const plan& tree) {
  return tree_printer().run(detail::draw(tree));
}

} // namespace troupe
