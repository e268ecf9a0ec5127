#include "cluster_text.hpp"

#include "terminal_text.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace troupe::detail {

namespace {

duration length(double milliseconds) {
  return std::chrono::duration_cast<duration>(
      std::chrono::duration<double, std::milli>(milliseconds));
}

// One value in a cell of a table.
std::string cell(const value& content) {
  if (content.is_null()) return "";
  if (const auto* text = content.if_text()) return one_line(*text);
  if (const auto* number = content.if_double()) {
    std::array<char, 32> digits{};
    std::snprintf(digits.data(), digits.size(), "%.4g", *number);
    return digits.data();
  }
  std::string text;
  if (const auto* list = content.if_list()) {
    for (const auto& each : *list) text += (text.empty() ? "" : ",") + cell(each);
    return text;
  }
  if (const auto* members = content.if_map()) {
    for (const auto& [key, member] : *members) {
      text += (text.empty() ? "" : ",") + one_line(key) + '=' + cell(member);
    }
    return text;
  }
  return write_json(content);
}

std::string cell_of(const value& row, const std::string& member) {
  const auto content = row.at(member);
  if (content.is_null()) return "";
  if (member == "started_at_ms") {
    const auto age = static_cast<double>(std::time(nullptr)) * 1000 - content.to_double();
    return readable(length(std::max(age, 0.0))) + " ago";
  }
  if (member.ends_with("_ms")) return readable(length(content.to_double()));
  return cell(content);
}

std::string line_of(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                    std::size_t columns) {
  std::string line;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    line += cells[at];
    line.append(widths[at] - columns_of(cells[at]) + 2, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return (columns > 0 ? cut_to(line, columns) : line) + '\n';
}

} // namespace

std::string text_at(const value& content, const char* member) {
  const auto found = content.at(member);
  const auto* text = found.if_text();
  return text ? *text : std::string();
}

std::string table_of(const value& rows, const std::vector<table_column>& shown,
                     const std::string& none, std::size_t columns) {
  const auto* list = rows.if_list();
  if (!list || list->empty()) return none + '\n';
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& each : shown) lines[0].push_back(each.title);
  for (const auto& row : *list) {
    auto& line = lines.emplace_back();
    for (const auto& each : shown) line.push_back(cell_of(row, each.member));
  }
  std::vector<std::size_t> widths(shown.size());
  for (const auto& line : lines) {
    for (std::size_t at = 0; at < line.size(); ++at) {
      widths[at] = std::max(widths[at], columns_of(line[at]));
    }
  }
  std::string text;
  for (const auto& line : lines) text += line_of(line, widths, columns);
  return text;
}

std::string table_of_runs(const value& runs, std::size_t columns) {
  return table_of(runs,
                  {{"RUN", "run_id"},
                   {"NAME", "name"},
                   {"STATUS", "status"},
                   {"STARTED", "started_at_ms"},
                   {"TIME", "latency_ms"},
                   {"FAILURE", "failure"}},
                  "no runs", columns);
}

std::string table_of_nodes(const value& nodes, std::size_t columns) {
  return table_of(nodes,
                  {{"NODE", "name"},
                   {"ROLE", "role"},
                   {"STATE", "state"},
                   {"ADDRESS", "address"},
                   {"RUNNING", "running"},
                   {"QUEUED", "queued"},
                   {"DONE", "done"},
                   {"ABANDONED", "abandoned"},
                   {"LAST SEEN", "last_seen_ms"},
                   {"UP", "uptime_ms"},
                   {"LABELS", "labels"}},
                  "no nodes", columns);
}

std::string table_of_breakers(const value& breakers, std::size_t columns) {
  return table_of(breakers,
                  {{"BREAKER", "name"},
                   {"SCOPE", "scope"},
                   {"STATE", "state"},
                   {"FAILURES", "failure_count"},
                   {"SUCCESSES", "success_count"},
                   {"RETRY AFTER", "retry_after_ms"},
                   {"HOME", "home"}},
                  "no breakers", columns);
}

std::string table_of_caches(const value& caches, std::size_t columns) {
  return table_of(caches,
                  {{"CACHE", "name"},
                   {"SCOPE", "scope"},
                   {"SIZE", "size"},
                   {"BYTES", "bytes"},
                   {"HITS", "hits"},
                   {"MISSES", "misses"},
                   {"EVICTIONS", "evictions"},
                   {"HIT RATE", "hit_rate"}},
                  "no caches", columns);
}

std::string text_of_waits(const value& why) {
  const auto waits = why.at("waits");
  const auto* list = waits.if_list();
  if (!list || list->empty()) {
    const auto status = text_at(why, "status");
    if (status == "running") return "nothing is known that it waits for: look again\n";
    return "it waits for nothing: it is " + one_line(status) + '\n';
  }
  std::string text;
  for (const auto& each : *list) {
    const auto said = text_at(each, "text");
    const auto step = text_at(each, "step");
    text += one_line(text_at(each, "code")) + ": " + one_line(said);
    if (!step.empty() && said.find(step) == std::string::npos) text += " (" + one_line(step) + ')';
    if (const auto node = text_at(each, "node"); !node.empty()) text += ", on " + one_line(node);
    text += ", since " + readable(length(each.at("since_ms").to_double())) + '\n';
  }
  return text;
}

std::string line_of_event(const value& event) {
  std::array<char, 32> at{};
  std::snprintf(at.data(), at.size(), "%10.3f s", event.at("at_ms").to_double() / 1000);
  std::string line = at.data();
  auto kind = text_at(event, "kind");
  if (kind == "missed") {
    return "… " + cell(event.at("missed")) + " events are no longer kept";
  }
  kind.resize(std::max<std::size_t>(kind.size(), 18), ' ');
  line += "  " + one_line(kind) + "  " + one_line(text_at(event, "step"));
  if (const auto attempt = event.at("attempt"); attempt.to_double() > 1) {
    line += ", attempt " + cell(attempt);
  }
  if (const auto node = text_at(event, "node"); !node.empty()) line += ", on " + one_line(node);
  if (const auto delay = event.at("delay_ms"); !delay.is_null()) {
    line += ", in " + readable(length(delay.to_double()));
  }
  if (const auto detail = text_at(event, "detail"); !detail.empty()) {
    line += ": " + one_line(detail);
  }
  if (const auto why = event.at("failure"); why.is_map()) {
    line += ": " + one_line(text_at(why, "kind")) + ": " + one_line(text_at(why, "message"));
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

} // namespace troupe::detail
