#include "progress_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <utility>

namespace troupe::detail {

namespace {

using state = stage_progress::state;
using role = outlined_stage::role;
using part = outlined_stage::part;

constexpr std::size_t longest_message = 80;

std::string_view spinner(instant now) {
  constexpr std::array<std::string_view, 10> frames{"⠋", "⠙", "⠹", "⠸", "⠼",
                                                    "⠴", "⠦", "⠧", "⠇", "⠏"};
  const auto tenths =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() / 100;
  return frames[static_cast<std::size_t>(tenths) % frames.size()];
}

colored symbol(state which, instant now) {
  switch (which) {
  case state::waiting: return {"·", tone::dim};
  case state::running: return {std::string(spinner(now)), tone::notable};
  case state::backing_off: return {"↻", tone::notable};
  case state::done: return {"✓", tone::good};
  case state::cached: return {"⚡", tone::good};
  case state::degraded: return {"↪", tone::notable};
  case state::failed: return {"✗", tone::bad};
  case state::cancelled: return {"⊘", tone::dim};
  case state::paused: return {"⏸", tone::notable};
  }
  return {"?", tone::plain};
}

class tree_drawer {
public:
  tree_drawer(const progress_model& model, instant now) : model_(model), now_(now) {}

  struct drawn {
    colored_line line;
    bool matters; ///< something goes on there, or has gone wrong
  };

  std::vector<drawn> draw() {
    const auto& stages = model_.outline().stages();
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
      if (is_hidden(stage)) continue;
      lines_.push_back(draw_stage(stage));
    }
    return std::move(lines_);
  }

private:
  // Further levels of a fallback are shown once they are needed, what undoes a stage once it runs,
  // and the only step of a map together with it.
  bool is_hidden(std::size_t stage) const {
    const auto& stages = model_.outline().stages();
    const auto& about = stages[stage];
    if (stage == 0) return false;
    for (auto around = stage; around != 0; around = stages[around].parent) {
      if (stages[around].as != part::member && never_started(around)) return true;
    }
    const auto& parent = stages[about.parent];
    return parent.what == role::map && parent.members.size() == 1 && about.end == stage + 1;
  }

  bool never_started(std::size_t stage) const {
    if (!model_.is_repeated(stage)) return model_.at(stage).now == state::waiting;
    const auto counted = model_.counts(stage);
    return counted.running + counted.done + counted.failed == 0;
  }

  drawn draw_stage(std::size_t stage) const {
    const auto& about = model_.outline().stages()[stage];
    const auto counted = about.what == role::map || model_.is_repeated(stage);
    const auto now = model_.is_repeated(stage) ? state_of_all(stage) : model_.at(stage).now;
    auto mark = symbol(now, now_);
    mark.text.append(2 - std::min<std::size_t>(2, columns_of(mark.text)), ' ');
    colored_line line{{std::string(2 * about.depth, ' '), tone::plain}, std::move(mark)};
    if (about.as == part::fallback) line.push_back({"or ", tone::dim});
    if (about.as == part::undo) line.push_back({"undo ", tone::dim});
    const auto look = now == state::waiting || now == state::cancelled ? tone::dim
                      : stage == 0                                     ? tone::bold
                                                                       : tone::plain;
    line.push_back({one_line(about.label), look});
    std::string details;
    const auto add = [&](const std::string& text) {
      if (!text.empty()) details += (details.empty() ? "  " : " · ") + text;
    };
    if (counted) add(text_of(model_.counts(stage)));
    if (const auto& open = model_.breaker(stage); !open.empty()) add("breaker " + open);
    if (!model_.is_repeated(stage)) describe(stage, add);
    line.push_back({details, now == state::failed ? tone::bad : tone::dim});
    return {std::move(line), now != state::waiting && now != state::done && now != state::cached};
  }

  state state_of_all(std::size_t stage) const {
    const auto counted = model_.counts(stage);
    if (counted.running > 0) return state::running;
    if (counted.failed > 0) return state::failed;
    return counted.done > 0 ? state::done : state::waiting;
  }

  static std::string text_of(const progress_counts& counted) {
    if (counted.running + counted.done + counted.failed == 0) return {};
    auto text = std::to_string(counted.done);
    if (counted.all) text += '/' + std::to_string(*counted.all);
    text += " done";
    if (counted.running > 0) text += ", " + std::to_string(counted.running) + " running";
    if (counted.failed > 0) text += ", " + std::to_string(counted.failed) + " failed";
    return text;
  }

  template <class Add>
  void describe(std::size_t stage, const Add& add) const {
    const auto& about = model_.outline().stages()[stage];
    const auto& one = model_.at(stage);
    if (one.now == state::waiting) return;
    if (one.turn > 0) add("turn " + std::to_string(one.turn));
    const auto tries = one.attempt > 1 || one.now == state::backing_off
                       || (one.now == state::running && about.max_attempts > 1 && one.attempt > 0);
    if (tries) add(attempts(one, about.max_attempts));
    if (one.now == state::backing_off) add("next try in " + readable(one.next_try - now_));
    if (one.now == state::cached) add("from the cache");
    add(one_line(one.note));
    const auto speaks = one.now == state::failed || one.now == state::backing_off
                        || one.now == state::paused || one.now == state::degraded;
    if (speaks && stage != 0) add(cut_to(one_line(one.message), longest_message));
    add(time_of(one));
  }

  static std::string attempts(const stage_progress& one, int most) {
    const auto of = static_cast<std::uint32_t>(std::max(most, 1)) >= one.attempt && most > 1;
    return "attempt " + std::to_string(one.attempt) + (of ? " of " + std::to_string(most) : "");
  }

  std::string time_of(const stage_progress& one) const {
    if (one.now == state::cached) return {};
    return readable((one.is_open() ? now_ : one.ended) - one.started.value_or(now_));
  }

  const progress_model& model_;
  instant now_;
  std::vector<drawn> lines_;
};

// Keeps the order and the lines where something happens; the rest makes room.
void fit_rows(std::vector<tree_drawer::drawn>& lines, std::size_t rows) {
  if (lines.size() <= rows) return;
  if (rows == 1) return lines.resize(1);
  const auto room = rows - 1;
  auto left = lines.size() - room;
  const auto total = left;
  const auto drop = [&](auto from, auto to, auto&& may_go) {
    std::vector<bool> gone(lines.size());
    for (auto at = from; at != to && left > 0; from < to ? ++at : --at) {
      if (at == 0 || !may_go(lines[at])) continue;
      gone[at] = true;
      --left;
    }
    std::size_t index = 0;
    std::erase_if(lines, [&](const auto&) { return gone[index++]; });
  };
  const auto quiet = [](const tree_drawer::drawn& one) { return !one.matters; };
  drop(std::size_t{0}, lines.size(), quiet);
  drop(lines.size() - 1, std::size_t{0}, [](const auto&) { return true; });
  lines.push_back({{{"  … " + std::to_string(total) + " more", tone::dim}}, false});
}

std::string whole_seconds(double length) {
  const auto whole = static_cast<long>(std::ceil(std::min(length, 1e9)));
  return whole < 60 ? std::to_string(whole) + " s" : readable(std::chrono::seconds(whole));
}

std::string percent(std::size_t some, std::size_t whole) {
  return std::to_string(whole == 0 ? 100 : some * 100 / whole) + " %";
}

} // namespace

std::vector<std::string> draw_tree(const progress_model& model, instant now,
                                   const view_options& options) {
  auto lines = tree_drawer(model, now).draw();
  for (const auto& warning : model.warnings()) {
    lines.push_back({{{"! ", tone::notable}, {warning, tone::plain}}, true});
  }
  if (const auto more = model.dropped_warnings(); more > 0) {
    lines.push_back({{{"! ", tone::notable}, {std::to_string(more) + " more warnings"}}, false});
  }
  if (options.cancelling) {
    lines.push_back({{{"cancelling; once more ends it at once", tone::notable}}, true});
  }
  if (options.rows > 0) fit_rows(lines, options.rows);
  std::vector<std::string> texts;
  for (const auto& each : lines) {
    texts.push_back(compose(each.line, options.columns, options.colored));
  }
  return texts;
}

std::vector<std::string> draw_bar(const batch_progress& progress, instant now,
                                  const view_options& options) {
  constexpr std::size_t widest = 24;
  const auto width = std::min(widest, options.columns / 4);
  const auto full = progress.all == 0 ? width : progress.ended * width / progress.all;
  std::string bar = "[" + std::string(full, '#');
  for (auto at = full; at < width; ++at) bar += "…";
  colored_line line{{bar + "] ", tone::plain},
                    {std::to_string(progress.ended) + '/' + std::to_string(progress.all) + "  "
                         + percent(progress.ended, progress.all),
                     tone::bold}};
  const auto seconds = std::chrono::duration<double>(now - progress.started).count();
  if (progress.ended > 0 && seconds > 0) {
    const auto rate = static_cast<double>(progress.ended) / seconds;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), rate < 10 ? "  %.1f/s" : "  %.0f/s", rate);
    line.push_back({text.data(), tone::plain});
    if (progress.ended < progress.all) {
      const auto left = static_cast<double>(progress.all - progress.ended) / rate;
      line.push_back({"  eta " + whole_seconds(left), tone::plain});
    }
    line.push_back({"  hits " + percent(progress.hits, progress.ended), tone::dim});
  }
  if (progress.failed > 0) {
    line.push_back({"  failed " + std::to_string(progress.failed), tone::bad});
  }
  for (const auto& [name, phase] : progress.breakers) {
    line.push_back({"  breaker " + one_line(name) + ' ' + phase, tone::notable});
  }
  if (options.cancelling) line.push_back({"  cancelling", tone::notable});
  return {compose(line, options.columns, options.colored)};
}

} // namespace troupe::detail
