#include "cluster_access.hpp"
#include "cluster_text.hpp"
#include "command_error.hpp"
#include "commands.hpp"
#include "interrupts.hpp"
#include "painter.hpp"
#include "terminal_text.hpp"

#include <troupe/protocol/json.hpp>

#include <poll.h>

#include <memory>
#include <mutex>
#include <optional>
#include <sstream>

namespace troupe::detail {

namespace {

constexpr int refresh_ms = 1'000;
constexpr std::size_t most_runs = 100;

value snapshot_of(cluster_client& cluster) {
  return value::map(
      {{"status", expect(cluster.status())},
       {"nodes", expect(cluster.nodes()).at("nodes")},
       {"breakers", expect(cluster.breakers()).at("breakers")},
       {"runs", expect(cluster.list({.status = "running", .limit = most_runs})).at("runs")}});
}

std::string count_of(const value& counts, const char* member) {
  return write_json(counts.at(member)) + ' ' + member;
}

std::string text_of(const value& snapshot, const std::string& url, std::size_t columns) {
  const auto status = snapshot.at("status");
  const auto counts = status.at("runs");
  std::string text =
      "troupe " + one_line(text_at(status, "version")) + " at " + one_line(url) + '\n';
  for (const auto* each : {"running", "paused", "completed", "failed", "cancelled", "stalled"}) {
    text += (each == std::string("running") ? "" : "  ") + count_of(counts, each);
  }
  text += "\n\n" + table_of_nodes(snapshot.at("nodes"), columns);
  text += '\n' + table_of_breakers(snapshot.at("breakers"), columns);
  return text + '\n' + table_of_runs(snapshot.at("runs"), columns);
}

/// Looks again and again, until somebody wants to stop.
class live_view {
public:
  live_view(console& speaker, cluster_client& cluster)
      : console_(speaker), cluster_(cluster), shown_(snapshot_of(cluster)),
        painter_(std::make_unique<painter>(speaker,
                                           [this](screen_size size) { return picture(size); })) {}

  int execute() {
    pollfd ended{signals_.descriptor(), POLLIN, 0};
    while (!signals_.happened()) {
      if (poll(&ended, 1, refresh_ms) > 0) break;
      refresh();
    }
    painter_->finish(picture(size_of_screen()));
    return exit_done;
  }

private:
  void refresh() {
    std::optional<value> next;
    std::string problem;
    try {
      next = snapshot_of(cluster_);
    } catch (const cluster_error& error) {
      problem = error.what();
    }
    const std::scoped_lock lock(mutex_);
    if (next) shown_ = *std::move(next);
    problem_ = problem;
  }

  std::vector<std::string> picture(screen_size size) {
    value snapshot;
    std::vector<std::string> lines;
    {
      const std::scoped_lock lock(mutex_);
      snapshot = shown_;
      if (!problem_.empty()) {
        lines.push_back(
            paint(cut_to(one_line(problem_), size.columns), tone::bad, console_.colored()));
      }
    }
    std::istringstream text(text_of(snapshot, cluster_.url(), size.columns));
    for (std::string line; std::getline(text, line) && lines.size() + 1 < size.rows;) {
      lines.push_back(line);
    }
    return lines;
  }

  console& console_;
  cluster_client& cluster_;
  interrupts signals_;
  std::mutex mutex_;
  value shown_;
  std::string problem_;
  std::unique_ptr<painter> painter_;
};

} // namespace

int top_command(console& speaker, const cluster_request& request) {
  const auto cluster = connect(request.access);
  if (!request.json && speaker.paints() && speaker.out.is_terminal()) {
    return live_view(speaker, *cluster).execute();
  }
  const auto snapshot = snapshot_of(*cluster);
  if (request.json) speaker.out.line(write_json(snapshot));
  else speaker.out.write(text_of(snapshot, cluster->url(), 0));
  return speaker.out.good() ? exit_done : exit_run_failed;
}

} // namespace troupe::detail
