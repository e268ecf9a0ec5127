#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// One answer of a Redis server.
struct redis_answer {
  enum class kind : std::uint8_t { nothing, text, number, list, error };
  kind what = kind::nothing;
  std::string text{}; ///< of an error too
  std::int64_t number = 0;
  std::vector<redis_answer> items{};
};

/// Returns the bytes of one command. Words may hold any bytes.
[[nodiscard]] std::string redis_command(std::initializer_list<std::string_view> words);
[[nodiscard]] std::string redis_command(const std::vector<std::string>& words);

/// Cuts the bytes a server sends into answers.
class redis_reader {
public:
  redis_reader();
  ~redis_reader();
  redis_reader(redis_reader&&) noexcept;
  redis_reader& operator=(redis_reader&&) noexcept;

  void feed(std::string_view bytes);
  /// The next answer, when all of it is there.
  [[nodiscard]] std::optional<redis_answer> next();
  /// What came is not the protocol of Redis: nothing more can be read.
  [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
  struct state;
  std::unique_ptr<state> state_;
  bool broken_ = false;
};

} // namespace troupe
