#pragma once

#include "console.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace troupe::detail {

/// The bytes that turn the lines drawn before into these, when the cursor stands below them. Only
/// what differs is written again. `columns` is the width of the screen now, which may differ from
/// the one the old lines were drawn for.
[[nodiscard]] std::string repaint(const std::vector<std::string>& before,
                                  const std::vector<std::string>& after, std::size_t columns);

/// Keeps a picture at the end of the terminal's text up to date, ten times a second.
class painter {
public:
  /// Returns the lines of the picture for such a screen. Called on the painter's thread.
  using picture = std::function<std::vector<std::string>(screen_size)>;

  painter(console& speaker, picture draw);
  ~painter();
  painter(const painter&) = delete;
  painter& operator=(const painter&) = delete;

  /// Writes something above the picture, at once; `write` may write to either stream.
  void above(const std::function<void()>& write);
  /// Has a line written above the picture, soon. Never blocks for long.
  void post(std::string line);
  /// Ends with these lines in its place, for good.
  void finish(const std::vector<std::string>& last);

private:
  void work();
  void show(const std::vector<std::string>& lines, std::size_t columns);
  void write_posted();
  void end(const std::vector<std::string>* last);

  console& console_;
  picture draw_;
  std::mutex screen_; // guards what is shown
  std::vector<std::string> shown_;
  std::mutex mutex_; // guards the rest
  std::vector<std::string> posted_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread thread_;
};

} // namespace troupe::detail
