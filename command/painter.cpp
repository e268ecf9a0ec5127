#include "painter.hpp"

#include "interrupts.hpp"
#include "terminal_text.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace troupe::detail {

namespace {

constexpr std::chrono::milliseconds between_frames(100);
constexpr std::string_view hide_cursor = "\x1b[?25l";
constexpr std::string_view show_cursor = "\x1b[?25h";

// The width of a line without the sequences that color it.
std::size_t visible_columns(std::string_view line) {
  std::string plain;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\x1b') at = std::min(line.find('m', at), line.size());
    else plain += line[at];
  }
  return columns_of(plain);
}

// A terminal that has become narrower shows a line on several rows.
std::size_t rows_of(const std::vector<std::string>& lines, std::size_t columns) {
  std::size_t rows = 0;
  for (const auto& line : lines) {
    const auto width = std::max<std::size_t>(visible_columns(line), 1);
    rows += (width + columns - 1) / columns;
  }
  return rows;
}

} // namespace

std::string repaint(const std::vector<std::string>& before, const std::vector<std::string>& after,
                    std::size_t columns) {
  const auto rows = rows_of(before, std::max<std::size_t>(columns, 1));
  const auto wrapped = rows != before.size();
  if (before == after && !wrapped) return {};
  std::string bytes;
  if (rows > 0) bytes += "\r\x1b[" + std::to_string(rows) + 'A';
  if (wrapped) bytes += "\x1b[J";
  for (std::size_t at = 0; at < after.size(); ++at) {
    const auto same = !wrapped && at < before.size() && before[at] == after[at];
    bytes += same ? "\n" : "\r\x1b[2K" + after[at] + "\n";
  }
  return bytes + "\r\x1b[J";
}

painter::painter(console& speaker, picture draw) : console_(speaker), draw_(std::move(draw)) {
  cursor_is_hidden(true);
  console_.err.write(hide_cursor);
  thread_ = std::thread([this] { work(); });
}

painter::~painter() {
  end(nullptr);
}

void painter::finish(const std::vector<std::string>& last) {
  end(&last);
}

void painter::end(const std::vector<std::string>* last) {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
  write_posted();
  if (last) show(*last, size_of_screen().columns);
  console_.err.write(show_cursor);
  cursor_is_hidden(false);
}

void painter::above(const std::function<void()>& write) {
  const std::scoped_lock lock(screen_);
  const auto bytes = repaint(shown_, {}, size_of_screen().columns);
  if (!bytes.empty()) console_.err.write(bytes);
  write();
  const auto again = repaint({}, shown_, size_of_screen().columns);
  if (!again.empty()) console_.err.write(again);
}

void painter::post(std::string line) {
  const std::scoped_lock lock(mutex_);
  posted_.push_back(std::move(line));
}

void painter::write_posted() {
  std::vector<std::string> lines;
  {
    const std::scoped_lock lock(mutex_);
    lines.swap(posted_);
  }
  if (lines.empty()) return;
  above([&] {
    for (const auto& line : lines) console_.err.line(line);
  });
}

void painter::work() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    write_posted();
    const auto size = size_of_screen();
    show(draw_(size), size.columns);
    lock.lock();
    changed_.wait_for(lock, between_frames, [&] { return ending_; });
  }
}

void painter::show(const std::vector<std::string>& lines, std::size_t columns) {
  const std::scoped_lock lock(screen_);
  const auto bytes = repaint(shown_, lines, columns);
  if (!bytes.empty()) console_.err.write(bytes);
  shown_ = lines;
}

} // namespace troupe::detail
