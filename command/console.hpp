#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

namespace troupe::detail {

/// One of the standard streams, written without a buffer. Thread-safe.
class text_output {
public:
  explicit text_output(int descriptor) : descriptor_(descriptor) {}
  text_output(const text_output&) = delete;
  text_output& operator=(const text_output&) = delete;

  /// Writes all of it. When nobody reads it any more, the program ends as SIGPIPE would end it.
  void write(std::string_view text);
  void line(std::string_view text) { write(std::string(text) + '\n'); }
  /// False once something could not be written.
  [[nodiscard]] bool good() const;
  [[nodiscard]] bool is_terminal() const noexcept;

private:
  const int descriptor_;
  mutable std::mutex mutex_;
  int error_ = 0;
};

struct console_options {
  bool colored = true; ///< where the terminal can show it
  bool quiet = false;
};

/// Where the program speaks: what it makes goes to `out`, what it says to `err`.
class console {
public:
  console(std::string program, console_options options);

  text_output out{1};
  text_output err{2};

  /// `PROGRAM: text` on `err`.
  void say(std::string_view text);
  /// The name the program was called by.
  [[nodiscard]] const std::string& program() const noexcept { return program_; }
  [[nodiscard]] bool quiet() const noexcept { return options_.quiet; }
  /// True when `err` is a terminal that can be painted on.
  [[nodiscard]] bool paints() const noexcept { return paints_; }
  [[nodiscard]] bool colored() const noexcept { return colored_; }
  /// True when a person can be asked.
  [[nodiscard]] bool can_ask() const noexcept;

private:
  std::string program_;
  console_options options_;
  bool paints_;
  bool colored_;
};

struct screen_size {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// Of the terminal that `err` is.
[[nodiscard]] screen_size size_of_screen();

} // namespace troupe::detail
