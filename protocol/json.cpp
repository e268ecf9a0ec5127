#include "json_text.hpp"
#include "value_builder.hpp"
#include "value_walk.hpp"

#include <troupe/protocol/json.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <exception>
#include <iterator>
#include <limits>

namespace troupe {

namespace {

failure malformed(const std::string& message, std::size_t position) {
  return failure{.kind = failure_kind::malformed,
                 .message = "JSON " + message + ", at byte " + std::to_string(position)};
}

// Tells where the parser is, which its events do not.
class counting_iterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  counting_iterator(const char* at, std::size_t* read) : at_(at), read_(read) {}

  reference operator*() const { return *at_; }
  counting_iterator& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  counting_iterator operator++(int) {
    auto before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const counting_iterator& left, const counting_iterator& right) {
    return left.at_ == right.at_;
  }

private:
  const char* at_;
  std::size_t* read_;
};

// The library's message starts with its own name and ends with the text it could not read, which
// may be as long as the input; only what is between is worth showing.
std::string problem_in(std::string_view what) {
  if (const auto start = what.find(" - "); start != std::string_view::npos) {
    what.remove_prefix(start + 3);
  } else if (const auto name = what.find("] "); name != std::string_view::npos) {
    what.remove_prefix(name + 2);
  }
  return std::string(what.substr(0, std::min(what.find("; last read"), std::size_t{100})));
}

class building_events : public nlohmann::json_sax<nlohmann::json> {
public:
  explicit building_events(const decode_limits& limits) : built_(limits) {}

  bool null() override { return built_.add({}); }
  bool boolean(bool truth) override { return built_.add(truth); }
  bool number_integer(std::int64_t number) override { return built_.add(number); }
  bool number_unsigned(std::uint64_t number) override { return built_.add(number); }
  bool number_float(double number, const std::string&) override { return built_.add(number); }
  bool string(std::string& text) override { return built_.add(std::move(text)); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return built_.open_map(); }
  bool key(std::string& text) override { return built_.key(std::move(text)); }
  bool end_object() override { return built_.close(); }
  bool start_array(std::size_t) override { return built_.open_list(); }
  bool end_array() override { return built_.close(); }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::json::exception& error) override {
    return built_.refuse("is not well formed: " + problem_in(error.what()));
  }

  detail::value_builder& built() { return built_; }

private:
  detail::value_builder built_;
};

class json_writer {
public:
  explicit json_writer(const json_style& style) : style_(style) {}

  bool leaf(const value& content) {
    detail::append_json_scalar(content, out_);
    return true;
  }

  bool begin(const value& content) {
    out_ += content.is_list() ? '[' : '{';
    ++depth_;
    return true;
  }

  bool end(const value& content) {
    --depth_;
    if (content.size() != 0) new_line();
    out_ += content.is_list() ? ']' : '}';
    return true;
  }

  bool item(std::size_t index) {
    if (index != 0) out_ += ',';
    new_line();
    return true;
  }

  bool member(std::size_t index, const std::string& key) {
    item(index);
    detail::append_json_text(key, out_);
    out_ += style_.indent < 0 ? ":" : ": ";
    return true;
  }

  bool opaque() {
    out_ += "null";
    return true;
  }

  std::string take() { return std::move(out_); }

private:
  // Without an end to the indentation, the text of a deep value would grow with its square.
  static constexpr std::size_t max_indent = 400;

  void new_line() {
    if (style_.indent < 0) return;
    out_ += '\n';
    const auto width = static_cast<std::size_t>(style_.indent);
    out_.append(std::min(depth_ * std::min(width, max_indent), max_indent), ' ');
  }

  json_style style_;
  std::size_t depth_ = 0;
  std::string out_;
};

outcome<value> parse(std::string_view text, const decode_limits& limits) {
  building_events events(limits);
  std::size_t read = 0;
  const counting_iterator begin(text.data(), &read);
  const counting_iterator end(text.data() + text.size(), &read);
  const auto fine = nlohmann::json::sax_parse(begin, end, &events);
  auto& built = events.built();
  if (fine && built.is_complete() && built.problem().empty()) return built.take();
  return malformed(built.problem().empty() ? "is not well formed" : built.problem(), read);
}

} // namespace

outcome<value> parse_json(std::string_view text, const decode_limits& limits) {
  if (text.size() > limits.max_bytes) {
    return malformed("has " + std::to_string(text.size()) + " bytes; the limit is "
                         + std::to_string(limits.max_bytes),
                     limits.max_bytes);
  }
  // The library takes a NUL for the end, wherever it stands.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return malformed("has a NUL byte", nul);
  }
  try {
    return parse(text, limits);
  } catch (const std::exception& error) {
    return malformed(std::string("cannot be read: ") + error.what(), 0);
  }
}

std::string write_json(const value& content, const json_style& style) {
  json_writer writer(style);
  detail::value_walk(writer, std::numeric_limits<std::size_t>::max()).run(content);
  return writer.take();
}

} // namespace troupe
