#pragma once

#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace troupe::detail {

/// Natives whose plain form is a native again, and natives inside the plain form of natives, end
/// here: a type that never reaches plain data counts as having no plain form.
inline constexpr std::size_t max_native_depth = 1000;

/// Returns the plain form of one native object, or null.
inline value plain_form(value content) {
  for (std::size_t i = 0; content.is_native(); ++i) {
    if (i == max_native_depth) return {};
    content = content.encode_native();
  }
  return content;
}

enum class walk_end { complete, too_deep, no_plain_form, stopped };

/// Visits a value depth first with natives in their plain form, in memory proportional to the
/// depth and without recursion. The visitor has `bool leaf(const value&)` for scalars,
/// `bool begin(const value&)` and `bool end(const value&)` for lists and maps, `bool
/// item(std::size_t)` before each item of a list, `bool member(std::size_t, const std::string&)`
/// before each member of a map, and `bool opaque()` for a native without a plain form. False stops
/// the walk.
template <class Visitor>
class value_walk {
public:
  value_walk(Visitor& visit, std::size_t max_depth) : visit_(visit), max_depth_(max_depth) {}

  walk_end run(const value& root) {
    if (const auto end = enter(root, 0); end != walk_end::complete) return end;
    while (!open_.empty()) {
      if (const auto end = step(); end != walk_end::complete) return end;
    }
    return walk_end::complete;
  }

private:
  struct frame {
    value container;
    std::size_t next;
    std::size_t natives;
  };

  walk_end enter(const value& given, std::size_t natives) {
    if (!given.is_native()) return enter_plain(given, natives);
    const auto plain = natives < max_native_depth ? plain_form(given) : value();
    if (plain.is_null()) return visit_.opaque() ? walk_end::complete : walk_end::no_plain_form;
    return enter_plain(plain, natives + 1);
  }

  walk_end enter_plain(const value& content, std::size_t natives) {
    if (!content.is_list() && !content.is_map()) return went_on(visit_.leaf(content));
    if (open_.size() >= max_depth_) return walk_end::too_deep;
    if (!visit_.begin(content)) return walk_end::stopped;
    open_.push_back({content, 0, natives});
    return walk_end::complete;
  }

  walk_end step() {
    if (const auto* items = open_.back().container.if_list()) {
      return each_of(*items,
                     [this](std::size_t index, const value&) { return visit_.item(index); });
    }
    return each_of(*open_.back().container.if_map(), [this](std::size_t index, const auto& member) {
      return visit_.member(index, member.first);
    });
  }

  // Goes through the rest of the innermost container, or to the next container in it.
  template <class Items, class Announce>
  walk_end each_of(const Items& items, Announce&& announce) {
    const auto depth = open_.size();
    const auto natives = open_.back().natives;
    for (auto index = open_.back().next; index < items.size(); ++index) {
      if (!announce(index, items[index])) return walk_end::stopped;
      open_.back().next = index + 1;
      if (const auto end = enter(item_of(items[index]), natives); end != walk_end::complete) {
        return end;
      }
      if (open_.size() > depth) return walk_end::complete;
    }
    const auto fine = visit_.end(open_.back().container);
    open_.pop_back();
    return went_on(fine);
  }

  static const value& item_of(const value& item) { return item; }
  static const value& item_of(const std::pair<std::string, value>& member) { return member.second; }

  static walk_end went_on(bool fine) { return fine ? walk_end::complete : walk_end::stopped; }

  Visitor& visit_;
  std::size_t max_depth_;
  std::vector<frame> open_;
};

} // namespace troupe::detail
