#include "yaml_tree.hpp"

#include <troupe/protocol/unicode.hpp>

#include <utility>

namespace troupe::detail {

namespace {

class alias_expansion {
public:
  alias_expansion(const raw_document& document, problem_list& problems, const yaml_limits& limits)
      : document_(document), problems_(problems), limits_(limits) {}

  yaml_node run(std::size_t index, std::size_t depth) {
    const auto& written = document_.nodes[index];
    if (written.alias_of != no_node) return run(written.alias_of, depth);
    if (++nodes_ > limits_.max_nodes) {
      problems_.give_up(written.node.at, over("values", limits_.max_nodes));
    }
    auto result = written.node;
    if (result.kind == yaml_node::shape::scalar) return result;
    if (depth == limits_.max_depth) {
      problems_.give_up(written.node.at, over("levels", limits_.max_depth));
    }
    result.items.reserve(written.items.size());
    for (const auto item : written.items) result.items.push_back(run(item, depth + 1));
    result.members.reserve(written.members.size());
    for (const auto& [key, key_at, content] : written.members) {
      key_bytes_ += key.size();
      if (key_bytes_ > limits_.max_bytes) {
        problems_.give_up(key_at, over("bytes of keys", limits_.max_bytes));
      }
      result.members.push_back({key, key_at, run(content, depth + 1)});
    }
    return result;
  }

private:
  static std::string over(const std::string& what, std::size_t limit) {
    return "with its aliases expanded the file has more than " + std::to_string(limit) + " " + what
           + "; that is the limit";
  }

  const raw_document& document_;
  problem_list& problems_;
  const yaml_limits& limits_;
  std::size_t nodes_ = 0;
  std::size_t key_bytes_ = 0;
};

} // namespace

void problem_list::add(text_position at, std::string message) {
  constexpr std::size_t max_count = 100;
  found_.push_back({.at = at, .message = std::move(message)});
  if (++count_ == max_count) give_up(at, "there are more errors; reading stops here");
}

void problem_list::give_up(text_position at, std::string message) {
  found_.push_back({.at = at, .message = std::move(message)});
  throw unreadable{};
}

void check_bytes(problem_list& problems) {
  const auto text = problems.text();
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    problems.give_up({}, "the file is UTF-16; save it as UTF-8");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t at = 0; at < text.size();) {
    const auto one = first_code_point(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto shown = std::string{digits[byte >> 4], digits[byte & 15]};
    if (!one.valid) problems.give_up(problems.place(at), "the byte 0x" + shown + " is not UTF-8");
    if (byte < 0x20 && text[at] != '\t' && text[at] != '\n' && text[at] != '\r') {
      problems.give_up(problems.place(at), "the control character U+00" + shown
                                               + " is not allowed; in double quotes it is written "
                                               + "`\\x" + shown + "`");
    }
    at += one.length;
  }
}

yaml_node expanded(const raw_document& document, problem_list& problems,
                   const yaml_limits& limits) {
  return alias_expansion(document, problems, limits).run(document.root, 0);
}

} // namespace troupe::detail
