#include "plan_limits.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/protocol/plan.hpp>

namespace troupe {

namespace {

class plan_printer {
public:
  void print(const std::string& key, const plan& stage, std::size_t depth) {
    if (depth >= detail::max_plan_levels || lines_ >= detail::max_plan_stages) return cut(depth);
    begin_line(depth);
    if (!key.empty()) text_ += key + ": ";
    text_ += to_string(stage.kind());
    if (!stage.is_policy() && !stage.given_name().empty()) text_ += " " + stage.given_name();
    if (stage.options()) print_options(*stage.options());
    for (const auto& one : stage.children()) {
      if (cut_) return;
      print(one.key, one.stage, depth + 1);
    }
  }

  std::string take() { return std::move(text_); }

private:
  void begin_line(std::size_t depth) {
    ++lines_;
    if (!text_.empty()) text_ += '\n';
    text_.append(2 * depth, ' ');
  }

  void cut(std::size_t depth) {
    begin_line(depth);
    text_ += "…";
    cut_ = true;
  }

  void print_options(const plan_options& options) {
    const auto described = options.describe();
    const auto defaults = options.describe_defaults();
    const auto* members = described.if_map();
    if (!members) return;
    std::string list;
    for (const auto& [name, content] : *members) {
      // Which function it is matters to the hash; people know it by its name.
      if (content.is_null() || name == "identity" || content == defaults.at(name)) continue;
      if (!list.empty()) list += ", ";
      list += name + ": " + (content.is_text() ? *content.if_text() : write_json(content));
    }
    if (!list.empty()) text_ += " (" + list + ")";
  }

  std::string text_;
  std::size_t lines_ = 0;
  bool cut_ = false;
};

} // namespace

std::string to_string(const plan& tree) {
  plan_printer printer;
  printer.print("", tree, 0);
  return printer.take();
}

} // namespace troupe
