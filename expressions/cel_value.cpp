#include "cel_value.hpp"

#include "cel_compare.hpp"

#include <algorithm>

namespace troupe::detail {

namespace {

// Natives whose plain form is a native again end here, as everywhere else.
constexpr int max_native_depth = 1000;

struct native_form {
  value original;
  value plain;
};

const value* find_member(const value::map_type& members, std::string_view key) {
  const auto place = std::lower_bound(members.begin(), members.end(), key,
                                      [](const value::member& member, std::string_view wanted) {
                                        return std::string_view(member.first) < wanted;
                                      });
  return place != members.end() && place->first == key ? &place->second : nullptr;
}

int key_class(cel_kind kind) {
  if (kind == cel_kind::boolean) return 0;
  return kind == cel_kind::text ? 2 : 1;
}

cel_value key_of_text(std::string_view key) {
  return cel_value::text(std::string(key));
}

} // namespace

std::string_view type_name(cel_kind kind) {
  switch (kind) {
  case cel_kind::null: return "null_type";
  case cel_kind::boolean: return "bool";
  case cel_kind::integer: return "int";
  case cel_kind::unsigned_integer: return "uint";
  case cel_kind::floating: return "double";
  case cel_kind::text: return "string";
  case cel_kind::bytes: return "bytes";
  case cel_kind::list: return "list";
  case cel_kind::map: return "map";
  case cel_kind::timestamp: return "google.protobuf.Timestamp";
  case cel_kind::duration: return "google.protobuf.Duration";
  case cel_kind::type: return "type";
  }
  return "";
}

cel_value cel_value::text(std::string content) {
  cel_value result;
  const auto held = std::make_shared<const std::string>(std::move(content));
  result.kind_ = cel_kind::text;
  result.source_ = source::own;
  result.payload_.text = held.get();
  result.owner_ = held;
  return result;
}

cel_value cel_value::bytes(value::binary_type content) {
  cel_value result;
  const auto held = std::make_shared<const value::binary_type>(std::move(content));
  result.kind_ = cel_kind::bytes;
  result.source_ = source::own;
  result.payload_.bytes = held.get();
  result.owner_ = held;
  return result;
}

cel_value cel_value::list(item_list items) {
  cel_value result;
  const auto held = std::make_shared<const item_list>(std::move(items));
  result.kind_ = cel_kind::list;
  result.source_ = source::own;
  result.payload_.items = held.get();
  result.owner_ = held;
  return result;
}

cel_value cel_value::map(entry_list entries) {
  cel_value result;
  const auto held = std::make_shared<const entry_list>(std::move(entries));
  result.kind_ = cel_kind::map;
  result.source_ = source::own;
  result.payload_.members = held.get();
  result.owner_ = held;
  return result;
}

cel_value cel_value::timestamp(cel_timestamp time) {
  cel_value result;
  result.kind_ = cel_kind::timestamp;
  result.payload_.time = time;
  return result;
}

cel_value cel_value::duration(troupe::duration length) {
  auto result = integer(length.count());
  result.kind_ = cel_kind::duration;
  return result;
}

cel_value cel_value::type(cel_kind kind) {
  cel_value result;
  result.kind_ = cel_kind::type;
  result.payload_.type = kind;
  return result;
}

cel_value cel_value::reading(const value& content, const owner_type& owner, native_forms& natives) {
  cel_value result;
  switch (content.type()) {
  case value::kind::null: return result;
  case value::kind::boolean: return boolean(*content.if_bool());
  case value::kind::integer: return integer(*content.if_integer());
  case value::kind::unsigned_integer: return unsigned_integer(*content.if_unsigned());
  case value::kind::floating: return floating(*content.if_double());
  case value::kind::text: result.kind_ = cel_kind::text; break;
  case value::kind::binary: result.kind_ = cel_kind::bytes; break;
  case value::kind::list: result.kind_ = cel_kind::list; break;
  case value::kind::map: result.kind_ = cel_kind::map; break;
  case value::kind::native: return natives.of(content, owner);
  }
  result.source_ = source::content;
  result.payload_.content = &content;
  result.owner_ = owner;
  return result;
}

cel_value cel_value::reading(const std::string& content, const owner_type& owner) {
  cel_value result;
  result.kind_ = cel_kind::text;
  result.source_ = source::own;
  result.payload_.text = &content;
  result.owner_ = owner;
  return result;
}

cel_value cel_value::reading(const context& entries) {
  cel_value result;
  result.kind_ = cel_kind::map;
  result.source_ = source::context;
  result.payload_.entries = &entries;
  return result;
}

bool cel_value::is_number() const noexcept {
  return kind_ == cel_kind::integer || kind_ == cel_kind::unsigned_integer
         || kind_ == cel_kind::floating;
}

const std::string& cel_value::text() const noexcept {
  return source_ == source::own ? *payload_.text : *payload_.content->if_text();
}

const value::binary_type& cel_value::bytes() const noexcept {
  return source_ == source::own ? *payload_.bytes : *payload_.content->if_binary();
}

std::size_t cel_value::size() const noexcept {
  switch (source_) {
  case source::content:
  case source::native: return payload_.content->size();
  case source::context: return payload_.entries->size();
  case source::inside: return 0;
  case source::own: break;
  }
  return kind_ == cel_kind::list ? payload_.items->size() : payload_.members->size();
}

cel_value cel_value::item(std::size_t index, native_forms& natives) const {
  if (source_ == source::own) return (*payload_.items)[index];
  return reading((*payload_.content->if_list())[index], owner_, natives);
}

bool cel_value::find(std::string_view key, native_forms& natives, cel_value& found) const {
  if (source_ == source::own) return find(key_of_text(key), natives, found);
  const auto* item = source_ == source::context ? payload_.entries->find(key)
                                                : find_member(*payload_.content->if_map(), key);
  if (item) found = reading(*item, owner_type(owner_), natives);
  return item != nullptr;
}

bool cel_value::find(const cel_value& key, native_forms& natives, cel_value& found) const {
  if (source_ != source::own) {
    return key.is(cel_kind::text) && find(std::string_view(key.text()), natives, found);
  }
  if (!may_be_key(key.kind()) && !key.is(cel_kind::floating)) return false;
  if (key.is(cel_kind::floating) && key.floating() != key.floating()) return false;
  const auto& members = *payload_.members;
  const auto place = std::lower_bound(
      members.begin(), members.end(), key, [](const cel_entry& entry, const cel_value& wanted) {
        return key_order(entry.key, wanted) == std::weak_ordering::less;
      });
  if (place == members.end() || std::is_neq(key_order(place->key, key))) return false;
  found = cel_value(place->item);
  return true;
}

cel_entry cel_value::entry(std::size_t index, native_forms& natives) const {
  if (source_ == source::own) return (*payload_.members)[index];
  const auto& [key, item] = (*payload_.content->if_map())[index];
  return {reading(key, owner_), reading(item, owner_, natives)};
}

cel_value cel_value::keys() const {
  item_list found;
  found.reserve(size());
  if (source_ == source::own) {
    for (const auto& entry : *payload_.members) found.push_back(entry.key);
  } else if (source_ == source::context) {
    for (auto& key : payload_.entries->data().keys()) found.push_back(text(std::move(key)));
  } else {
    for (const auto& member : *payload_.content->if_map()) {
      found.push_back(reading(member.first, owner_));
    }
  }
  return list(std::move(found));
}

const value* cel_value::origin() const noexcept {
  if (source_ == source::content) return payload_.content;
  if (source_ == source::native) return &static_cast<const native_form*>(owner_.get())->original;
  return nullptr;
}

bool may_be_key(cel_kind kind) {
  return kind == cel_kind::boolean || kind == cel_kind::integer
         || kind == cel_kind::unsigned_integer || kind == cel_kind::text;
}

std::weak_ordering key_order(const cel_value& left, const cel_value& right) {
  const auto one = key_class(left.kind());
  const auto other = key_class(right.kind());
  if (one != other) return one <=> other;
  if (one == 0) return left.truth() <=> right.truth();
  if (one == 2) return left.text() <=> right.text();
  const auto order = number_order(left, right);
  if (order == std::partial_ordering::less) return std::weak_ordering::less;
  if (order == std::partial_ordering::greater) return std::weak_ordering::greater;
  return std::weak_ordering::equivalent;
}

const cel_value& native_forms::of(const value& native, const cel_value::owner_type& owner) {
  if (const auto known = forms_.find(&native); known != forms_.end()) return known->second.plain;
  auto form = std::make_shared<native_form>(native_form{native, native});
  for (int depth = 0; form->plain.is_native(); ++depth) {
    form->plain = depth == max_native_depth ? value() : form->plain.encode_native();
  }
  auto plain = cel_value::reading(form->plain, form, *this);
  if (plain.source_ == cel_value::source::content) plain.source_ = cel_value::source::native;
  return forms_.emplace(&native, held{std::move(plain), owner}).first->second.plain;
}

} // namespace troupe::detail
