#include "value_builder.hpp"
#include "value_walk.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/protocol/value.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <limits>
#include <stdexcept>

namespace troupe {

namespace {

// Frees lists inside lists without going down the stack once per level: the outermost one that is
// being freed keeps what lies too deep until it can free it itself.
constexpr int max_free_depth = 100;
struct waiting_content {
  std::vector<value::list_type> lists;
  std::vector<value::map_type> maps;
};
thread_local int free_depth = 0;
thread_local waiting_content* waiting = nullptr;

void keep(waiting_content& all, value::list_type& content) {
  all.lists.push_back(std::move(content));
}
void keep(waiting_content& all, value::map_type& content) {
  all.maps.push_back(std::move(content));
}

template <class Container>
void take_last(std::vector<Container>& all) {
  const auto content = std::move(all.back());
  all.pop_back();
}

template <class Content>
void free_content(Content& given) {
  if (free_depth >= max_free_depth) {
    return keep(*waiting, given);
  }
  ++free_depth;
  { const auto content = std::move(given); }
  --free_depth;
}

template <class Content>
void free_outermost(Content& given) {
  waiting_content mine;
  waiting = &mine;
  free_content(given);
  ++free_depth;
  while (!mine.lists.empty() || !mine.maps.empty()) {
    if (!mine.lists.empty()) take_last(mine.lists);
    if (!mine.maps.empty()) take_last(mine.maps);
  }
  --free_depth;
  waiting = nullptr;
}

template <class T>
struct flat_allocator {
  using value_type = T;

  flat_allocator() = default;
  template <class U>
  flat_allocator(const flat_allocator<U>&) noexcept {}

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) { std::allocator<T>().deallocate(memory, count); }

  template <class Content>
  void destroy(Content* content) {
    if constexpr (!std::is_same_v<Content, value::binary_type>) {
      if (!content->empty()) waiting ? free_content(*content) : free_outermost(*content);
    }
    std::destroy_at(content);
  }
  template <class U>
  friend bool operator==(const flat_allocator&, const flat_allocator<U>&) noexcept {
    return true;
  }
};

template <class Content>
std::shared_ptr<const Content> share(Content content) {
  return std::allocate_shared<Content>(flat_allocator<Content>(), std::move(content));
}

bool same_double(double left, double right) {
  if (std::isnan(left)) return std::isnan(right);
  return std::bit_cast<std::uint64_t>(left) == std::bit_cast<std::uint64_t>(right);
}

const value::member* find_member(const value::map_type& members, std::string_view key) {
  const auto place = std::lower_bound(members.begin(), members.end(), key,
                                      [](const auto& member, std::string_view wanted) {
                                        return std::string_view(member.first) < wanted;
                                      });
  return place != members.end() && place->first == key ? &*place : nullptr;
}

// Compares two values level by level from a list of pairs still to compare.
class comparison {
public:
  bool run(const value& left, const value& right) {
    pending_.emplace_back(&left, &right);
    while (!pending_.empty()) {
      const auto [one, other] = pending_.back();
      pending_.pop_back();
      if (!compare(one, other)) return false;
    }
    return true;
  }

private:
  bool compare(const value* left, const value* right) {
    if (left->is_native() || right->is_native()) return compare_natives(left, right);
    if (left->type() != right->type()) return false;
    switch (left->type()) {
    case value::kind::null: return true;
    case value::kind::boolean: return *left->if_bool() == *right->if_bool();
    case value::kind::integer: return *left->if_integer() == *right->if_integer();
    case value::kind::unsigned_integer: return *left->if_unsigned() == *right->if_unsigned();
    case value::kind::floating: return same_double(*left->if_double(), *right->if_double());
    case value::kind::text: return *left->if_text() == *right->if_text();
    case value::kind::binary: return *left->if_binary() == *right->if_binary();
    case value::kind::list: return add_items(left->if_list(), right->if_list());
    case value::kind::map: return add_members(left->if_map(), right->if_map());
    case value::kind::native: return false;
    }
    return false;
  }

  bool compare_natives(const value* left, const value* right) {
    if (left->same_native(*right)) return true;
    if (unfolded_ >= max_unfolded) return false;
    ++unfolded_;
    held_.push_back(detail::plain_form(*left));
    const auto* one = &held_.back();
    held_.push_back(detail::plain_form(*right));
    const auto* other = &held_.back();
    // Null here means: no plain form, so nothing but the object itself is equal to it.
    if ((left->is_native() && one->is_null()) || (right->is_native() && other->is_null())) {
      return false;
    }
    pending_.emplace_back(one, other);
    return true;
  }

  bool add_items(const value::list_type* left, const value::list_type* right) {
    if (left == right) return true;
    if (left->size() != right->size()) return false;
    for (std::size_t i = left->size(); i-- > 0;) pending_.emplace_back(&(*left)[i], &(*right)[i]);
    return true;
  }

  bool add_members(const value::map_type* left, const value::map_type* right) {
    if (left == right) return true;
    if (left->size() != right->size()) return false;
    for (std::size_t i = left->size(); i-- > 0;) {
      if ((*left)[i].first != (*right)[i].first) return false;
      pending_.emplace_back(&(*left)[i].second, &(*right)[i].second);
    }
    return true;
  }

  static constexpr std::size_t max_unfolded = 10'000'000;
  std::vector<std::pair<const value*, const value*>> pending_;
  std::deque<value> held_;
  std::size_t unfolded_ = 0;
};

class plain_builder {
public:
  bool leaf(const value& content) { return built_.add(content); }
  bool begin(const value& content) {
    return content.is_list() ? built_.open_list() : built_.open_map();
  }
  bool end(const value&) { return built_.close(); }
  bool item(std::size_t) { return true; }
  bool member(std::size_t, const std::string& key) { return built_.key(key); }
  bool opaque() { return built_.add({}); }

  value take() { return built_.take(); }

private:
  static constexpr auto no_limit = std::numeric_limits<std::size_t>::max();
  detail::value_builder built_{{no_limit, no_limit, no_limit}};
};

struct encodable_check {
  bool leaf(const value&) { return true; }
  bool begin(const value&) { return true; }
  bool end(const value&) { return true; }
  bool item(std::size_t) { return true; }
  bool member(std::size_t, const std::string&) { return true; }
  bool opaque() { return false; }
};

bool is_container(const value& content) {
  return content.is_list() || content.is_map();
}

// Calls `visit` for every part of a value, natives as they are, until it returns false.
template <class Visit>
bool each_part(const value& root, const Visit& visit) {
  std::vector<const value*> pending{&root};
  while (!pending.empty()) {
    const auto* part = pending.back();
    pending.pop_back();
    if (!visit(*part)) return false;
    if (const auto* items = part->if_list()) {
      for (const auto& item : *items) pending.push_back(&item);
    } else if (const auto* members = part->if_map()) {
      for (const auto& member : *members) pending.push_back(&member.second);
    }
  }
  return true;
}

bool holds_native(const value& content) {
  if (!is_container(content)) return content.is_native();
  return !each_part(content, [](const value& part) { return !part.is_native(); });
}

std::size_t own_bytes(const value& part) {
  constexpr std::size_t shared_block = 32;
  constexpr std::size_t native_guess = 256;
  switch (part.type()) {
  case value::kind::text:
  case value::kind::binary: return sizeof(value) + shared_block + part.size();
  case value::kind::list: return sizeof(value) + shared_block;
  case value::kind::map: {
    auto bytes = sizeof(value) + shared_block;
    for (const auto& member : *part.if_map()) bytes += sizeof(std::string) + member.first.size();
    return bytes;
  }
  case value::kind::native: return sizeof(value) + native_guess;
  case value::kind::null:
  case value::kind::boolean:
  case value::kind::integer:
  case value::kind::unsigned_integer:
  case value::kind::floating: break;
  }
  return sizeof(value);
}

} // namespace

value::value(std::string text) : state_(std::make_shared<const std::string>(std::move(text))) {}

value::value(list_type items) : state_(share(std::move(items))) {}

value value::map(map_type members) {
  const auto by_key = [](const member& left, const member& right) {
    return left.first < right.first;
  };
  if (!std::is_sorted(members.begin(), members.end(), by_key)) {
    std::stable_sort(members.begin(), members.end(), by_key);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i].first == members[i + 1].first) continue;
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  members.resize(kept);
  value result;
  result.state_ = share(std::move(members));
  return result;
}

value value::binary(binary_type bytes) {
  value result;
  result.state_ = std::make_shared<const binary_type>(std::move(bytes));
  return result;
}

value value::native(std::shared_ptr<const void> object, const native_type& type) {
  value result;
  result.state_ = std::make_shared<const native_object>(native_object{std::move(object), &type});
  return result;
}

bool value::is_number() const noexcept {
  return type() == kind::integer || type() == kind::unsigned_integer || type() == kind::floating;
}

const std::string* value::if_text() const noexcept {
  const auto* held = std::get_if<std::shared_ptr<const std::string>>(&state_);
  return held ? held->get() : nullptr;
}

const value::binary_type* value::if_binary() const noexcept {
  const auto* held = std::get_if<std::shared_ptr<const binary_type>>(&state_);
  return held ? held->get() : nullptr;
}

const value::list_type* value::if_list() const noexcept {
  const auto* held = std::get_if<std::shared_ptr<const list_type>>(&state_);
  return held ? held->get() : nullptr;
}

const value::map_type* value::if_map() const noexcept {
  const auto* held = std::get_if<std::shared_ptr<const map_type>>(&state_);
  return held ? held->get() : nullptr;
}

double value::to_double() const noexcept {
  if (const auto* number = if_double()) return *number;
  if (const auto* number = if_integer()) return static_cast<double>(*number);
  if (const auto* number = if_unsigned()) return static_cast<double>(*number);
  return 0;
}

value value::at(std::string_view key) const {
  if (is_native()) return detail::plain_form(*this).at(key);
  const auto* members = if_map();
  const auto* found = members ? find_member(*members, key) : nullptr;
  return found ? found->second : value();
}

value value::at(std::size_t index) const {
  if (is_native()) return detail::plain_form(*this).at(index);
  const auto* items = if_list();
  return items && index < items->size() ? (*items)[index] : value();
}

bool value::contains(std::string_view key) const {
  if (is_native()) return detail::plain_form(*this).contains(key);
  const auto* members = if_map();
  return members && find_member(*members, key);
}

std::size_t value::size() const noexcept {
  if (const auto* text = if_text()) return text->size();
  if (const auto* bytes = if_binary()) return bytes->size();
  if (const auto* items = if_list()) return items->size();
  if (const auto* members = if_map()) return members->size();
  return 0;
}

value value::with(std::string_view key, value item) const {
  map_type members;
  if (const auto* mine = if_map()) members = *mine;
  else if (!is_null()) throw std::invalid_argument("only a map has members to set");
  members.emplace_back(std::string(key), std::move(item));
  return map(std::move(members));
}

bool value::is_encodable() const {
  if (!holds_native(*this)) return true;
  encodable_check check;
  return detail::value_walk(check, std::numeric_limits<std::size_t>::max()).run(*this)
         == detail::walk_end::complete;
}

value value::plain() const {
  if (!holds_native(*this)) return *this;
  plain_builder built;
  detail::value_walk(built, std::numeric_limits<std::size_t>::max()).run(*this);
  return built.take();
}

std::size_t value::approximate_bytes() const {
  if (!is_container(*this)) return own_bytes(*this);
  std::size_t bytes = 0;
  each_part(*this, [&](const value& part) {
    bytes += own_bytes(part);
    return true;
  });
  return bytes;
}

value value::encode_native() const {
  const auto* held = std::get_if<std::shared_ptr<const native_object>>(&state_);
  if (!held || !(*held)->type->encode) return {};
  return (*held)->type->encode((*held)->object.get());
}

bool value::same_native(const value& other) const noexcept {
  const auto* mine = std::get_if<std::shared_ptr<const native_object>>(&state_);
  const auto* theirs = std::get_if<std::shared_ptr<const native_object>>(&other.state_);
  return mine && theirs && (*mine)->object == (*theirs)->object
         && *(*mine)->type->type == *(*theirs)->type->type;
}

bool operator==(const value& left, const value& right) {
  return comparison().run(left, right);
}

void value::set_unsigned(std::uint64_t number) {
  if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    state_ = static_cast<std::int64_t>(number);
  } else {
    state_ = number;
  }
}

const void* value::native_pointer(const std::type_info& wanted) const noexcept {
  const auto* held = std::get_if<std::shared_ptr<const native_object>>(&state_);
  return held && *(*held)->type->type == wanted ? (*held)->object.get() : nullptr;
}

std::shared_ptr<const void> value::native_share(const std::type_info& wanted) const noexcept {
  const auto* held = std::get_if<std::shared_ptr<const native_object>>(&state_);
  return held && *(*held)->type->type == wanted ? (*held)->object : nullptr;
}

std::string to_string(const value& content) {
  return write_json(content);
}

std::string_view kind_name(const value& content) {
  switch (content.type()) {
  case value::kind::null: return "null";
  case value::kind::boolean: return "boolean";
  case value::kind::integer:
  case value::kind::unsigned_integer: return "integer";
  case value::kind::floating: return "number";
  case value::kind::text: return "text";
  case value::kind::binary: return "binary";
  case value::kind::list: return "list";
  case value::kind::map: return "map";
  case value::kind::native: return "native";
  }
  return "";
}

} // namespace troupe
