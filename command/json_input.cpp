#include "json_input.hpp"

#include "command_error.hpp"

#include <troupe/protocol/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace troupe::detail {

namespace {

constexpr std::size_t most_bytes = std::size_t{16} << 20;
constexpr std::size_t most_bytes_of_lines = std::size_t{1} << 30;
constexpr std::size_t most_reported = 100;
constexpr decode_limits limits{.max_bytes = most_bytes, .max_depth = 64};

class open_file {
public:
  explicit open_file(const std::string& path)
      : number_(path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~open_file() {
    if (number_ > STDIN_FILENO) close(number_);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  [[nodiscard]] int number() const noexcept { return number_; }

private:
  int number_;
};

[[noreturn]] void refuse(std::string_view what, const std::string& why) {
  throw usage_error(std::string(what) + ": " + why);
}

std::string reason() {
  return std::generic_category().message(errno);
}

// The text that an option stands for.
std::string text_behind(std::string_view option, const std::string& given) {
  if (given == "-") return read_text("-", option, most_bytes);
  if (given.starts_with('@')) return read_text(given.substr(1), option, most_bytes);
  return given;
}

} // namespace

std::string read_text(const std::string& path, std::string_view what, std::size_t max_bytes) {
  const auto shown = path == "-" ? std::string("standard input") : path;
  const open_file file(path);
  if (file.number() < 0) refuse(what, "cannot read " + shown + ": " + reason());
  std::string text;
  std::array<char, 65536> part{};
  for (;;) {
    const auto count = read(file.number(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse(what, "cannot read " + shown + ": " + reason());
    if (count == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(count));
    if (text.size() > max_bytes) {
      refuse(what, shown + " has more than " + std::to_string(max_bytes >> 20) + " MiB");
    }
  }
}

value json_option(std::string_view option, const std::string& given) {
  auto content = parse_json(text_behind(option, given), limits);
  if (content) return *std::move(content);
  auto message = "is no JSON: " + content.why().message;
  const auto in_place = given != "-" && !given.starts_with('@');
  if (in_place) {
    const auto shown = given.size() > 60 ? std::string("TEXT") : given;
    const auto is_word = shown.find_first_of("\"'\\{}[]") == std::string::npos;
    message += "; a text needs quotes: " + std::string(option) + " '\""
               + (is_word ? shown : std::string("TEXT")) + "\"'";
    message += "; a file goes by @FILE, standard input by -";
  }
  refuse(option, message);
}

value json_or_text_option(std::string_view option, const std::string& given) {
  auto text = text_behind(option, given);
  if (text != given && text.ends_with('\n')) text.pop_back();
  return json_or_text(text);
}

value json_or_text(std::string_view given) {
  auto content = parse_json(given, limits);
  return content ? *std::move(content) : value(given);
}

std::uint64_t whole_number(std::string_view option, std::string_view given, std::uint64_t least,
                           std::uint64_t most) {
  std::uint64_t number = 0;
  const auto* end = given.data() + given.size();
  const auto [stopped, error] = std::from_chars(given.data(), end, number);
  if (given.empty() || error != std::errc() || stopped != end || number < least || number > most) {
    refuse(option, "must be a whole number from " + std::to_string(least) + " to "
                       + std::to_string(most) + ", not '" + std::string(given) + "'");
  }
  return number;
}

std::vector<value> parse_json_lines(const std::string& name, std::string_view text) {
  std::vector<value> all;
  std::string errors;
  std::size_t bad = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto length = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, length);
    if (line.ends_with('\r')) line.remove_suffix(1);
    text.remove_prefix(std::min(length + 1, text.size()));
    auto content = parse_json(line, limits);
    if (content) {
      all.push_back(*std::move(content));
      continue;
    }
    if (++bad > most_reported) continue;
    const auto blank = line.find_first_not_of(" \t") == std::string_view::npos;
    errors += name + ':' + std::to_string(number) + ": error: "
              + (blank ? "the line is blank; every line must be one JSON value"
                       : "no JSON: " + content.why().message)
              + '\n';
  }
  if (bad == 0) return all;
  if (bad > most_reported) errors += std::to_string(bad - most_reported) + " more bad lines\n";
  throw usage_error(errors, true);
}

std::vector<value> read_json_lines(const std::string& path) {
  const auto text = read_text(path, "--inputs", most_bytes_of_lines);
  return parse_json_lines(path == "-" ? "<stdin>" : path, text);
}

} // namespace troupe::detail
