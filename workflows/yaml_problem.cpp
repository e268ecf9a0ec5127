#include "yaml_problem.hpp"

#include "text_index.hpp"

#include <troupe/protocol/unicode.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace troupe::detail {

namespace {

struct plain_words {
  std::string_view reason; ///< or how it starts
  std::string_view message;
};

constexpr std::string_view directive_message =
    "this directive is not understood; leave it out, or write `%YAML 1.2` and `---` below it";
constexpr std::string_view tag_message = "tags are not supported here; leave `!` out, or put the "
                                         "text in quotes";
constexpr std::string_view anchor_message =
    "`&` and `*` start the name of an anchor, letters and digits; put other texts in quotes";

constexpr std::array<plain_words, 26> translations{{
    {"end of map not found",
     "this does not fit the map above; expected `key: value`, indented like the lines above"},
    {"end of sequence not found",
     "this does not fit the list above; expected `- item`, indented like the lines above"},
    {"illegal map value", "`:` cannot stand here; check the indentation and the line above, and "
                          "put texts that contain `: ` in quotes"},
    {"illegal map key", "`?` cannot stand here; put the text in quotes"},
    {"illegal block entry",
     "`-` cannot start a list here; start it on a line of its own, or write `[…]`"},
    {"illegal flow end", "this bracket closes none that is open"},
    {"illegal tab when looking for indentation", "tabs cannot indent; use spaces"},
    {"unexpected character in block scalar",
     "the text starts on the line below `|` or `>`; nothing else can stand here"},
    {"cannot set zero indentation for a block scalar",
     "the indentation after `|` or `>` is a digit from 1 to 9"},
    {"the referenced anchor is not defined", "no `&` anchor of this name stands above"},
    {"cannot assign multiple anchors", "one value cannot have two anchors"},
    {"cannot assign multiple tags", "one value cannot have two tags"},
    {"alias not found after *", anchor_message},
    {"anchor not found after &", anchor_message},
    {"illegal character found while scanning alias", anchor_message},
    {"illegal character found while scanning anchor", anchor_message},
    {"illegal character found while scanning tag handle", tag_message},
    {"tag handle with no suffix", tag_message},
    {"end of verbatim tag not found", tag_message},
    {"YAML directives must have", directive_message},
    {"bad YAML version", directive_message},
    {"YAML major version too large", directive_message},
    {"repeated YAML directive", directive_message},
    {"TAG directives must have", directive_message},
    {"repeated TAG directive", directive_message},
    {"bad file", "this is nested too deeply"},
}};

bool is_space(char one) {
  return one == ' ' || one == '\t' || one == '\n' || one == '\r';
}

class explainer {
public:
  explainer(const yaml_problem& problem, std::string_view text)
      : problem_(problem), text_(text), at_(std::min(problem.offset, text.size())) {}

  struct result {
    std::size_t offset;
    std::string message;
  };

  result run() const {
    if (says("illegal EOF in scalar") || says("illegal document indicator in scalar")) {
      return unclosed_quote();
    }
    if (is_about_brackets(problem_)) return unclosed_bracket();
    if (says("unknown token")) return unknown_character();
    if (says("unknown escape") || says("bad character found while scanning hex")
        || says("invalid unicode")) {
      return bad_escape();
    }
    if (const auto tab = indenting_tab()) return {*tab, "tabs cannot indent; use spaces"};
    if (says("end of map not found") || says("end of sequence not found")) {
      const auto before = at_ == 0 ? at_ : text_.find_last_not_of(" \t", at_ - 1);
      if (before < at_ && !is_space(text_[before])) {
        return {at_, "this cannot stand here; what is before it on the line has ended"};
      }
    }
    for (const auto& one : translations) {
      if (says(one.reason)) return {at_, std::string(one.message)};
    }
    return {at_, "this cannot be read: " + std::string(problem_.reason)};
  }

private:
  bool says(std::string_view start) const { return problem_.reason.starts_with(start); }

  std::string line_of(std::size_t offset) const {
    return std::to_string(text_index(text_).position_of(offset).line);
  }

  bool can_start_scalar(std::size_t at) const {
    while (at > 0 && (text_[at - 1] == ' ' || text_[at - 1] == '\t')) --at;
    return at == 0 || std::string_view("\r\n[{,:-?").find(text_[at - 1]) != std::string_view::npos;
  }

  result unclosed_quote() const {
    for (auto at = problem_.last_read; at < at_; ++at) {
      if (text_[at] == '#' && (at == 0 || is_space(text_[at - 1]))) {
        at = std::min(text_.find_first_of("\r\n", at), at_);
      } else if ((text_[at] == '"' || text_[at] == '\'') && can_start_scalar(at)) {
        const auto end = closing_quote(text_, at);
        if (!end || *end >= at_) return {at, "this quote is never closed"};
        at = *end;
      }
    }
    return {at_, "a quote above is never closed"};
  }

  result unclosed_bracket() const {
    if (problem_.open_brackets.empty()) return {at_, "a bracket above is never closed"};
    const auto start = problem_.open_brackets.back();
    const bool is_list = text_[start] == '[';
    const std::string close(is_list ? "`]`" : "`}`");
    if (std::all_of(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(), is_space)) {
      return {start, "this bracket is never closed; " + close + " is missing"};
    }
    return {at_, "expected `,` or " + close + " of the " + (is_list ? "list" : "map")
                     + " that starts in line " + line_of(start)
                     + "; texts with any of `[]{},` need quotes here"};
  }

  result unknown_character() const {
    if (at_ == text_.size()) return {at_, "the file ends too early"};
    const auto length = first_code_point(text_.substr(at_)).length;
    return {at_, "a text cannot start with `" + std::string(text_.substr(at_, length))
                     + "`; put it in quotes"};
  }

  result bad_escape() const {
    const auto backslash = at_ == 0 ? std::string_view::npos : text_.rfind('\\', at_ - 1);
    const auto start = backslash == std::string_view::npos ? at_ : backslash;
    if (says("unknown escape")) {
      return {start, "no such escape; inside double quotes write `\\\\` for a backslash, or use "
                     "single quotes"};
    }
    if (says("invalid unicode")) return {start, "this is no Unicode character"};
    return {start, "`\\x` takes 2 hexadecimal digits, `\\u` takes 4, `\\U` takes 8"};
  }

  std::optional<std::size_t> indenting_tab() const {
    constexpr std::array<std::string_view, 6> reasons{
        "end of map not found", "end of sequence not found", "illegal map value",
        "illegal map key",      "illegal block entry",       "illegal tab"};
    if (std::none_of(reasons.begin(), reasons.end(), [&](auto one) { return says(one); })) {
      return std::nullopt;
    }
    auto start = at_;
    while (start > 0 && text_[start - 1] != '\n' && text_[start - 1] != '\r') --start;
    const auto indentation_end = std::min(text_.find_first_not_of(" \t", start), text_.size());
    const auto tab = text_.find('\t', start);
    return tab < indentation_end ? std::optional(tab) : std::nullopt;
  }

  const yaml_problem& problem_;
  std::string_view text_;
  std::size_t at_;
};

} // namespace

bool is_about_brackets(const yaml_problem& problem) {
  return problem.reason == "end of sequence flow not found"
         || problem.reason == "end of map flow not found";
}

std::optional<std::size_t> closing_quote(std::string_view text, std::size_t start) {
  const auto quote = text[start];
  for (auto at = start + 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') ++at;
    else if (text[at] != quote) continue;
    else if (quote == '\'' && text.substr(at + 1).starts_with('\'')) ++at;
    else return at;
  }
  return std::nullopt;
}

diagnostic explain(const yaml_problem& problem, std::string_view text) {
  auto found = explainer(problem, text).run();
  return {.at = text_index(text).position_of(found.offset), .message = std::move(found.message)};
}

} // namespace troupe::detail
