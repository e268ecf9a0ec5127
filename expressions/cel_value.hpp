#pragma once

#include <troupe/protocol/context.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::detail {

enum class cel_kind : std::uint8_t {
  null,
  boolean,
  integer,
  unsigned_integer,
  floating,
  text,
  bytes,
  list,
  map,
  timestamp,
  duration,
  type
};

/// The name of the type in the language: `int`, `null_type`, `google.protobuf.Timestamp`.
[[nodiscard]] std::string_view type_name(cel_kind kind);

/// A point in time from the year 1 to the year 9999.
struct cel_timestamp {
  std::int64_t seconds; ///< since 1970, rounded down
  std::int32_t nanos;   ///< from 0 to 999,999,999
  friend auto operator<=>(const cel_timestamp&, const cel_timestamp&) = default;
};

class native_forms;
struct cel_entry;

/// A value while an expression runs. What comes from a `value` or a `context` is read in place;
/// only what was computed is owned.
class cel_value {
public:
  using owner_type = std::shared_ptr<const void>;
  using item_list = std::vector<cel_value>;
  using entry_list = std::vector<cel_entry>; ///< in the order of `key_order`, keys unique

  cel_value() = default; ///< null
  [[nodiscard]] static cel_value boolean(bool truth) {
    cel_value result;
    result.kind_ = cel_kind::boolean;
    result.payload_.truth = truth;
    return result;
  }
  [[nodiscard]] static cel_value integer(std::int64_t number) {
    cel_value result;
    result.kind_ = cel_kind::integer;
    result.payload_.integer = number;
    return result;
  }
  [[nodiscard]] static cel_value unsigned_integer(std::uint64_t number) {
    cel_value result;
    result.kind_ = cel_kind::unsigned_integer;
    result.payload_.magnitude = number;
    return result;
  }
  [[nodiscard]] static cel_value floating(double number) {
    cel_value result;
    result.kind_ = cel_kind::floating;
    result.payload_.number = number;
    return result;
  }
  [[nodiscard]] static cel_value text(std::string content);
  [[nodiscard]] static cel_value bytes(value::binary_type content);
  [[nodiscard]] static cel_value list(item_list items);
  [[nodiscard]] static cel_value map(entry_list entries);
  [[nodiscard]] static cel_value timestamp(cel_timestamp time);
  [[nodiscard]] static cel_value duration(troupe::duration length);
  [[nodiscard]] static cel_value type(cel_kind kind);

  /// Reads in place what `owner` keeps alive; without an owner it outlives the evaluation.
  [[nodiscard]] static cel_value reading(const value& content, const owner_type& owner,
                                         native_forms& natives);
  [[nodiscard]] static cel_value reading(const std::string& content, const owner_type& owner);
  [[nodiscard]] static cel_value reading(const context& entries);

  [[nodiscard]] cel_kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is(cel_kind kind) const noexcept { return kind_ == kind; }
  [[nodiscard]] bool is_number() const noexcept;

  // Each requires its kind.
  [[nodiscard]] bool truth() const noexcept { return payload_.truth; }
  [[nodiscard]] std::int64_t integer() const noexcept { return payload_.integer; }
  [[nodiscard]] std::uint64_t unsigned_integer() const noexcept { return payload_.magnitude; }
  [[nodiscard]] double floating() const noexcept { return payload_.number; }
  [[nodiscard]] cel_timestamp timestamp() const noexcept { return payload_.time; }
  [[nodiscard]] troupe::duration duration() const noexcept {
    return troupe::duration(payload_.integer);
  }
  [[nodiscard]] cel_kind type() const noexcept { return payload_.type; }
  [[nodiscard]] const std::string& text() const noexcept;
  [[nodiscard]] const value::binary_type& bytes() const noexcept;

  /// Items of a list, entries of a map. REQUIRES: one of them.
  [[nodiscard]] std::size_t size() const noexcept;
  /// REQUIRES: a list with that item.
  [[nodiscard]] cel_value item(std::size_t index, native_forms& natives) const;
  /// REQUIRES: a map.
  [[nodiscard]] bool find(std::string_view key, native_forms& natives, cel_value& found) const;
  [[nodiscard]] bool find(const cel_value& key, native_forms& natives, cel_value& found) const;
  /// REQUIRES: a map that is not `is_context`, with that entry. In an order of its own.
  [[nodiscard]] cel_entry entry(std::size_t index, native_forms& natives) const;
  /// The keys of a map as a list. REQUIRES: a map.
  [[nodiscard]] cel_value keys() const;

  /// True when it reads a context.
  [[nodiscard]] bool is_context() const noexcept { return source_ == source::context; }
  /// REQUIRES: `is_context`. The same map as a value, which is a copy.
  [[nodiscard]] value context_copy() const { return payload_.entries->to_value(); }
  /// The `value` that holds this content, to be shared; null when it was computed.
  [[nodiscard]] const value* origin() const noexcept;
  /// The plain form of `origin`. REQUIRES: there is one.
  [[nodiscard]] const value& content() const noexcept { return *payload_.content; }
  /// REQUIRES: a list or map that was computed.
  [[nodiscard]] const item_list& items() const noexcept { return *payload_.items; }
  [[nodiscard]] const entry_list& entries() const noexcept { return *payload_.members; }

private:
  friend class native_forms;
  enum class source : std::uint8_t { inside, content, native, own, context };
  union payload {
    std::int64_t integer = 0;
    bool truth;
    std::uint64_t magnitude;
    double number;
    cel_timestamp time;
    cel_kind type;
    const value* content;
    const std::string* text;
    const value::binary_type* bytes;
    const item_list* items;
    const entry_list* members;
    const troupe::context* entries;
  };

  cel_kind kind_ = cel_kind::null;
  source source_ = source::inside;
  payload payload_;
  owner_type owner_;
};

struct cel_entry {
  cel_value key;
  cel_value item;
};

/// True for the kinds that may be keys of a map.
[[nodiscard]] bool may_be_key(cel_kind kind);
/// Booleans before numbers before texts; numbers by value, of whatever kind. REQUIRES: may be keys,
/// or floating point that is not NaN.
[[nodiscard]] std::weak_ordering key_order(const cel_value& left, const cel_value& right);

/// The plain forms of the native objects that one evaluation came across: each is made once.
class native_forms {
public:
  /// REQUIRES: a native. What `owner` keeps alive stays alive as long as this.
  [[nodiscard]] const cel_value& of(const value& native, const cel_value::owner_type& owner);

private:
  struct held {
    cel_value plain;
    cel_value::owner_type owner;
  };
  std::unordered_map<const value*, held> forms_;
};

} // namespace troupe::detail
