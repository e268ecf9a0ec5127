#include "cel_time.hpp"
#include "evaluation.hpp"

#include <algorithm>
#include <unordered_set>

namespace troupe::detail {

namespace {

std::string text_of_key(const cel_value& key) {
  switch (key.kind()) {
  case cel_kind::boolean: return key.truth() ? "true" : "false";
  case cel_kind::integer: return std::to_string(key.integer());
  case cel_kind::unsigned_integer: return std::to_string(key.unsigned_integer());
  default: return key.text();
  }
}

// Where the content of a list, a map, a text or bytes is; equal for values that share it.
const void* content_of(const value& content) {
  if (const auto* items = content.if_list()) return items;
  if (const auto* members = content.if_map()) return members;
  if (const auto* text = content.if_text()) return text;
  return content.if_binary();
}

// What is read in place costs nothing the first time. From the second time on it costs as if it
// were copied, because whoever writes the result down will write it each time.
class result_builder {
public:
  result_builder(evaluation& run, const expression_node& root) : run_(run), root_(root) {}

  bool build(const cel_value& content, value& result) {
    if (content.origin()) return share(content, result);
    switch (content.kind()) {
    case cel_kind::null: result = value(); return true;
    case cel_kind::boolean: result = value(content.truth()); return true;
    case cel_kind::integer: result = value(content.integer()); return true;
    case cel_kind::unsigned_integer: result = value(content.unsigned_integer()); return true;
    case cel_kind::floating: result = value(content.floating()); return true;
    case cel_kind::timestamp: result = value(write_timestamp(content.timestamp())); return true;
    case cel_kind::duration: result = value(write_duration(content.duration())); return true;
    case cel_kind::type: result = value(type_name(content.type())); return true;
    case cel_kind::text:
      if (!run_.spend_bytes(root_, content.text().size())) return false;
      result = value(content.text());
      return true;
    case cel_kind::bytes:
      if (!run_.spend_bytes(root_, content.bytes().size())) return false;
      result = value::binary(content.bytes());
      return true;
    case cel_kind::list: return list(content, result);
    case cel_kind::map: return map(content, result);
    }
    return false;
  }

private:
  bool share(const cel_value& content, value& result) {
    const bool is_new = seen_.insert(content_of(content.content())).second;
    if (!is_new && !spend_on(content.content())) return false;
    result = *content.origin();
    return true;
  }

  bool spend_on(const value& root) {
    std::vector<const value*> pending{&root};
    while (!pending.empty()) {
      const auto* part = pending.back();
      pending.pop_back();
      if (!run_.spend(root_, 1)) return false;
      if (const auto* items = part->if_list()) {
        if (!run_.spend(root_, items->size())) return false;
        for (const auto& item : *items) pending.push_back(&item);
      } else if (const auto* members = part->if_map()) {
        if (!run_.spend(root_, members->size())) return false;
        for (const auto& [key, item] : *members) {
          if (!run_.spend_bytes(root_, key.size())) return false;
          pending.push_back(&item);
        }
      } else if (!run_.spend_bytes(root_, part->size())) {
        return false;
      }
    }
    return true;
  }

  bool list(const cel_value& content, value& result) {
    value::list_type items(content.size());
    if (!run_.spend(root_, items.size())) return false;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!build(content.items()[i], items[i])) return false;
    }
    result = value::list(std::move(items));
    return true;
  }

  bool map(const cel_value& content, value& result) {
    if (!run_.spend(root_, content.size())) return false;
    if (content.is_context()) {
      result = content.context_copy();
      return true;
    }
    value::map_type members;
    members.reserve(content.size());
    for (const auto& [key, item] : content.entries()) {
      value built;
      if (!build(item, built)) return false;
      auto text = text_of_key(key);
      if (!run_.spend_bytes(root_, text.size())) return false;
      members.emplace_back(std::move(text), std::move(built));
    }
    const auto count = members.size();
    result = value::map(std::move(members));
    return result.size() == count || run_.fail(root_, "two keys of a map become the same text");
  }

  evaluation& run_;
  const expression_node& root_;
  std::unordered_set<const void*> seen_;
};

} // namespace

bool to_plain_value(evaluation& run, const expression_tree& tree, const cel_value& content,
                    value& result) {
  if (const auto* origin = content.origin()) {
    result = *origin;
    return true;
  }
  return result_builder(run, *tree.root).build(content, result);
}

} // namespace troupe::detail
