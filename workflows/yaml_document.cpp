#include "yaml_document.hpp"

#include "yaml_masking.hpp"
#include "yaml_problem.hpp"
#include "yaml_scalar.hpp"
#include "yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_map>
#include <utility>

namespace troupe {

namespace {

using detail::no_node;
using detail::problem_list;
using detail::raw_document;
using detail::raw_node;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view core_prefix = "tag:yaml.org,2002:";

/// A list or map whose end has not been read yet.
struct open_node {
  std::size_t index;
  std::size_t offset;
  bool wants_key;
  bool drops_content = false; // of the member that is being read
  std::string key{};
  text_position key_at{};
  std::unordered_map<std::string, std::uint32_t> key_lines{};
};

/// Turns what yaml-cpp reads into a `raw_document`.
class document_builder : public YAML::EventHandler {
public:
  document_builder(problem_list& problems, const yaml_limits& limits)
      : problems_(problems), limits_(limits), text_(problems.text()),
        shift_(text_.starts_with(byte_order_mark) ? byte_order_mark.size() : 0) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (document_.root == no_node) return;
    const auto offset = offset_of(mark);
    problems_.give_up(problems_.place(offset),
                      text_.substr(offset).starts_with("---")
                          ? "a second document starts here; a file holds one"
                          : "this does not belong to what stands above; check the indentation, "
                            "quotes and brackets");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto offset = offset_of(mark);
    const auto head = offset < text_.size() ? text_[offset] : ' ';
    const bool is_written = anchor != 0 || is_null_at(offset);
    if (!is_written && open_.empty()) nothing_at(offset);
    raw_node made;
    made.node.at = problems_.place(offset);
    if (is_written) {
      made.written = "null";
    } else if (in_list()) {
      if (head == ',') problems_.add(made.node.at, "an item is missing before this `,`");
      made.node.at = problems_.place(dash_before(offset));
    } else if (!open_.back().wants_key) {
      made.node.at = open_.back().key_at;
    }
    made.node.offset = offset;
    add(std::move(made), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    raw_node made;
    made.node.at = problems_.place(offset_of(mark));
    const auto target = anchors_.at(anchor);
    const bool is_open = std::any_of(open_.begin(), open_.end(),
                                     [&](const open_node& one) { return one.index == target; });
    if (is_open) problems_.add(made.node.at, "this alias stands inside of what it refers to");
    else made.alias_of = target;
    add(std::move(made), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& masked) override {
    auto offset = offset_of(mark);
    if (tag != "?" || anchor != 0) offset = after_properties(offset);
    const auto head = offset < text_.size() ? text_[offset] : ' ';
    raw_node made;
    made.node.at = problems_.place(offset);
    made.node.offset = offset;
    made.node.plain = std::string_view("\"'|>").find(head) == std::string_view::npos;
    if ((head == '"' || head == '\'') && !detail::closing_quote(text_, offset)) {
      // The parser takes the end of the file for the end of the quotes.
      problems_.give_up(made.node.at, "this quote is never closed");
    }
    auto content = detail::unmasked(masked, head == '"');
    if (!content) problems_.add(made.node.at, "half of a surrogate pair is no character");
    made.written = std::move(content).value_or("");
    made.node.scalar = content_of(made, tag, problems_.place(offset_of(mark)));
    last_read_ = offset;
    add(std::move(made), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(yaml_node::shape::list, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(yaml_node::shape::map, mark, tag, anchor);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapEnd() override { open_.pop_back(); }

  [[nodiscard]] raw_document take() { return std::move(document_); }

  [[noreturn]] void stop_at(const YAML::Exception& error) {
    detail::yaml_problem problem{.reason = error.msg, .offset = offset_of(error.mark)};
    for (const auto& one : open_) {
      const auto start = after_properties(one.offset);
      const bool is_bracket = start < text_.size() && (text_[start] == '[' || text_[start] == '{');
      if (is_bracket) problem.open_brackets.push_back(start);
    }
    problem.last_read = last_read_;
    // The parser takes brackets that are not closed for keys; what was said of them is wrong.
    if (detail::is_about_brackets(problem)) problems_.forget();
    auto found = detail::explain(problem, text_);
    problems_.give_up(found.at, std::move(found.message));
  }

private:
  [[nodiscard]] std::size_t offset_of(const YAML::Mark& mark) const {
    const auto given = static_cast<std::size_t>(std::max(mark.pos, 0));
    return std::min(given + shift_, text_.size());
  }

  [[nodiscard]] bool in_list() const {
    return !open_.empty()
           && document_.nodes[open_.back().index].node.kind == yaml_node::shape::list;
  }

  void nothing_at(std::size_t offset) {
    const auto rest = text_.substr(offset);
    const bool is_end = rest.empty() || rest.starts_with("---") || rest.starts_with("...");
    if (is_end) problems_.give_up({}, "the file is empty");
    problems_.give_up(problems_.place(offset), "expected a value here");
  }

  [[nodiscard]] bool is_null_at(std::size_t offset) const {
    const auto end = std::min(text_.find_first_of(" \t\r\n,:]}", offset), text_.size());
    const auto word = text_.substr(offset, end - offset);
    return !word.empty() && detail::core_scalar(word)->is_null();
  }

  /// The dash of an empty item, when only white space is between it and what follows.
  [[nodiscard]] std::size_t dash_before(std::size_t offset) const {
    const auto before = text_.substr(0, offset).find_last_not_of(" \t\r\n");
    return before != std::string_view::npos && text_[before] == '-' ? before : offset;
  }

  /// Where the content starts after anchor and tag.
  [[nodiscard]] std::size_t after_properties(std::size_t offset) const {
    while (offset < text_.size()) {
      const auto head = text_[offset];
      if (head == ' ' || head == '\t' || head == '\n' || head == '\r') ++offset;
      else if (head == '#') offset = std::min(text_.find_first_of("\r\n", offset), text_.size());
      else if (head == '&') offset = end_of_property(offset, " \t\r\n[]{},");
      else if (head == '!') offset = end_of_property(offset, " \t\r\n[]{},\"|");
      else break;
    }
    return offset;
  }
  [[nodiscard]] std::size_t end_of_property(std::size_t start, std::string_view ends) const {
    const bool is_verbatim = text_.substr(start).starts_with("!<");
    const auto end = is_verbatim ? text_.find('>', start) : text_.find_first_of(ends, start);
    return end == std::string_view::npos ? text_.size() : end + (is_verbatim ? 1 : 0);
  }

  value content_of(const raw_node& made, const std::string& tag, text_position tag_at) {
    if (tag == "!" || (tag == "?" && !made.node.plain)) return made.written;
    if (tag == "?") {
      auto content = detail::core_scalar(made.written);
      if (content) return *content;
      problems_.add(made.node.at, "this number is too large; put it in quotes to have text");
      return {};
    }
    const auto kind = core_kind(tag);
    if (kind == "map" || kind == "seq") {
      problems_.add(tag_at, kind == "map" ? "`!!map` needs a map" : "`!!seq` needs a list");
    } else if (kind.empty()) {
      refuse_tag(tag_at, tag);
    } else if (const auto content = detail::tagged_scalar(kind, made.written)) {
      return *content;
    } else {
      problems_.add(tag_at, "this is not what its tag `!!" + std::string(kind) + "` says");
    }
    return {};
  }

  /// `str` for the tag `!!str` and so on; empty for other tags.
  static std::string_view core_kind(std::string_view tag) {
    if (!tag.starts_with(core_prefix)) return {};
    tag.remove_prefix(core_prefix.size());
    for (const auto* one : {"str", "int", "float", "bool", "null", "map", "seq"}) {
      if (tag == one) return tag;
    }
    return {};
  }

  void refuse_tag(text_position at, const std::string& tag) {
    auto shown = *detail::unmasked(tag, false);
    if (shown.starts_with(core_prefix)) shown = "!!" + shown.substr(core_prefix.size());
    problems_.add(at, "the tag `" + shown + "` is not supported; leave it out");
  }

  void check_collection_tag(yaml_node::shape kind, text_position at, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    const auto wanted = core_kind(tag);
    if (wanted.empty()) return refuse_tag(at, tag);
    const bool is_list = kind == yaml_node::shape::list;
    if (wanted == (is_list ? "seq" : "map")) return;
    problems_.add(at,
                  "`!!" + std::string(wanted) + "` does not fit " + (is_list ? "a list" : "a map"));
  }

  void start(yaml_node::shape kind, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    raw_node made;
    made.node.kind = kind;
    made.node.offset = offset_of(mark);
    made.node.at = problems_.place(made.node.offset);
    check_collection_tag(kind, made.node.at, tag);
    if (open_.size() == limits_.max_depth) {
      problems_.give_up(made.node.at,
                        "lists and maps are nested " + std::to_string(open_.size() + 1)
                            + " deep here; the limit is " + std::to_string(limits_.max_depth));
    }
    const auto offset = made.node.offset;
    const auto index = add(std::move(made), anchor);
    open_.push_back({.index = index, .offset = offset, .wants_key = kind == yaml_node::shape::map});
    last_read_ = offset;
  }

  std::size_t add(raw_node made, YAML::anchor_t anchor) {
    const auto index = document_.nodes.size();
    document_.nodes.push_back(std::move(made));
    if (anchor != 0) anchors_[anchor] = index;
    if (open_.empty()) {
      document_.root = index;
      return index;
    }
    auto& parent = open_.back();
    if (parent.wants_key) {
      take_key(parent, index);
      return index;
    }
    auto& inside = document_.nodes[parent.index];
    if (inside.node.kind == yaml_node::shape::list) inside.items.push_back(index);
    else if (!parent.drops_content) inside.members.push_back({parent.key, parent.key_at, index});
    parent.wants_key = inside.node.kind == yaml_node::shape::map;
    if (++contents_ >= limits_.max_nodes) too_many(document_.nodes[index].node.at);
    return index;
  }

  void too_many(text_position at) {
    problems_.give_up(at, "the file has more than " + std::to_string(limits_.max_nodes)
                              + " values; that is the limit");
  }

  void take_key(open_node& parent, std::size_t index) {
    const auto& given = document_.nodes[index];
    const auto& read = given.alias_of == no_node ? given : document_.nodes[given.alias_of];
    parent.wants_key = false;
    parent.drops_content = true;
    parent.key_at = given.node.at;
    if (read.node.kind != yaml_node::shape::scalar) {
      return problems_.add(parent.key_at, "a key must be text; put texts that start with `{` or "
                                          "`[` in quotes");
    }
    if (read.node.plain && read.node.scalar.is_null()) {
      return problems_.add(parent.key_at, read.written.empty()
                                              ? "a key is missing before `:`"
                                              : "null is no key; put it in quotes to have text");
    }
    if (read.node.plain && read.written == "<<") {
      return problems_.add(parent.key_at,
                           "merge keys (`<<`) are not supported; write the members out, or use an "
                           "alias for a whole value (`key: *name`)");
    }
    const auto [earlier, is_new] = parent.key_lines.try_emplace(read.written, parent.key_at.line);
    if (!is_new) {
      return problems_.add(parent.key_at, "the key `" + read.written + "` is given twice; it "
                                              + "stands already in line "
                                              + std::to_string(earlier->second));
    }
    parent.drops_content = false;
    parent.key = read.written;
  }

  problem_list& problems_;
  const yaml_limits& limits_;
  std::string_view text_;
  std::size_t shift_;
  raw_document document_;
  std::vector<open_node> open_;
  std::map<YAML::anchor_t, std::size_t> anchors_;
  std::size_t contents_ = 0;
  std::size_t last_read_ = 0;
};

raw_document parsed(problem_list& problems, const yaml_limits& limits) {
  auto text = problems.text();
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  // With a byte order mark, whatever follows is content and UTF-8.
  std::istringstream masked(std::string(byte_order_mark) + detail::masked_for_parser(text));
  document_builder builder(problems, limits);
  try {
    YAML::Parser parser(masked);
    if (!parser.HandleNextDocument(builder)) problems.give_up({}, "the file is empty");
    while (parser.HandleNextDocument(builder)) continue;
  } catch (const YAML::Exception& error) {
    builder.stop_at(error);
  }
  return builder.take();
}

} // namespace

std::optional<yaml_node> read_yaml(const source_text& source, std::vector<diagnostic>& found,
                                   const yaml_limits& limits) {
  if (source.text.size() > limits.max_bytes) {
    found.push_back({.message = "the file has " + std::to_string(source.text.size())
                                + " bytes; the limit is " + std::to_string(limits.max_bytes)});
    return std::nullopt;
  }
  try {
    const detail::text_index index(source.text);
    problem_list problems(found, index);
    check_bytes(problems);
    const auto document = parsed(problems, limits);
    return expanded(document, problems, limits);
  } catch (const detail::unreadable&) {
    return std::nullopt;
  } catch (const std::exception& error) {
    found.push_back({.message = std::string("the file cannot be read: ") + error.what()});
    return std::nullopt;
  }
}

} // namespace troupe
