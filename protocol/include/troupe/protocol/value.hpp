#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

namespace troupe {

class value;

/// How a C++ type behaves inside a `value`. One constant per type, made by `native_type_of<T>`.
struct native_type {
  const std::type_info* type;
  /// Returns the plain form of an object, or null where the type has none (then it cannot leave the
  /// process).
  value (*encode)(const void* object);
};

/// The data that flows between steps: JSON-like, plus binary, plus objects of C++ types.
///
/// Immutable and reference-counted: copying is O(1) and copies may be read from any thread.
/// Integers and floating point are different kinds; `1` and `1.0` are not equal. Equal plain values
/// have equal canonical bytes (codec.hpp); for that reason NaN equals NaN and `0.0` differs from
/// `-0.0`. Any nesting of lists and maps is safe to copy, compare and free. A native object is
/// encoded only when it leaves the process or becomes part of a cache key.
class value {
public:
  using list_type = std::vector<value>;
  using member = std::pair<std::string, value>;
  using map_type = std::vector<member>; ///< sorted by key, keys unique
  using binary_type = std::vector<std::uint8_t>;

  enum class kind : std::uint8_t {
    null,
    boolean,
    integer,
    unsigned_integer,
    floating,
    text,
    binary,
    list,
    map,
    native
  };

  value() = default; ///< null
  value(std::nullptr_t) {}
  value(bool truth) : state_(truth) {}
  /// Any integer type. Above the largest `int64` the kind is `unsigned_integer`, else `integer`.
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  value(T number) {
    if constexpr (std::is_signed_v<T>) state_ = static_cast<std::int64_t>(number);
    else set_unsigned(static_cast<std::uint64_t>(number));
  }
  value(double number) : state_(number) {}
  value(std::string text);
  value(std::string_view text) : value(std::string(text)) {}
  value(const char* text) : value(std::string(text)) {}
  value(list_type items);

  /// A list of these items.
  [[nodiscard]] static value list(list_type items = {}) { return value(std::move(items)); }
  /// A map of these members; where a key is given twice, the last one wins.
  [[nodiscard]] static value map(map_type members = {});
  [[nodiscard]] static value binary(binary_type bytes);
  /// Holds a C++ object itself. `type` outlives every value; see `native_type_of`.
  [[nodiscard]] static value native(std::shared_ptr<const void> object, const native_type& type);

  [[nodiscard]] kind type() const noexcept { return static_cast<kind>(state_.index()); }
  [[nodiscard]] bool is_null() const noexcept { return type() == kind::null; }
  [[nodiscard]] bool is_text() const noexcept { return type() == kind::text; }
  [[nodiscard]] bool is_list() const noexcept { return type() == kind::list; }
  [[nodiscard]] bool is_map() const noexcept { return type() == kind::map; }
  [[nodiscard]] bool is_native() const noexcept { return type() == kind::native; }
  [[nodiscard]] bool is_number() const noexcept;

  // Readers: the content, or null when the value is of another kind.
  [[nodiscard]] const bool* if_bool() const noexcept { return std::get_if<bool>(&state_); }
  [[nodiscard]] const std::int64_t* if_integer() const noexcept {
    return std::get_if<std::int64_t>(&state_);
  }
  [[nodiscard]] const std::uint64_t* if_unsigned() const noexcept {
    return std::get_if<std::uint64_t>(&state_);
  }
  [[nodiscard]] const double* if_double() const noexcept { return std::get_if<double>(&state_); }
  [[nodiscard]] const std::string* if_text() const noexcept;
  [[nodiscard]] const binary_type* if_binary() const noexcept;
  [[nodiscard]] const list_type* if_list() const noexcept;
  [[nodiscard]] const map_type* if_map() const noexcept;
  /// The C++ object of exactly that type, or null.
  template <class T>
  [[nodiscard]] const T* if_native() const noexcept {
    return static_cast<const T*>(native_pointer(typeid(T)));
  }
  /// The shared C++ object of exactly that type, or null.
  template <class T>
  [[nodiscard]] std::shared_ptr<const T> share_native() const noexcept {
    return std::static_pointer_cast<const T>(native_share(typeid(T)));
  }

  /// Any number as floating point; 0 for everything else.
  [[nodiscard]] double to_double() const noexcept;

  /// Member of a map, or null when there is none or this is no map. A native object is read in its
  /// plain form.
  [[nodiscard]] value at(std::string_view key) const;
  /// Item of a list, or null when there is none or this is no list.
  [[nodiscard]] value at(std::size_t index) const;
  /// True when this is a map with that key.
  [[nodiscard]] bool contains(std::string_view key) const;
  /// Items of a list, members of a map, bytes of a text or binary; 0 for everything else.
  [[nodiscard]] std::size_t size() const noexcept;
  /// A copy of this map with one member set. REQUIRES: this is a map or null.
  [[nodiscard]] value with(std::string_view key, value item) const;

  /// The plain form of this native object, which may hold natives again; null when it has none or
  /// this is no native.
  [[nodiscard]] value encode_native() const;
  /// True when both hold the very same C++ object.
  [[nodiscard]] bool same_native(const value& other) const noexcept;
  /// True when no native object without a plain form is inside.
  [[nodiscard]] bool is_encodable() const;
  /// The same value with every native object in its plain form; one without is null.
  [[nodiscard]] value plain() const;
  /// Roughly how many bytes of memory the value holds, shared parts counted each time.
  [[nodiscard]] std::size_t approximate_bytes() const;

  friend bool operator==(const value& left, const value& right);

private:
  struct native_object {
    std::shared_ptr<const void> object;
    const native_type* type;
  };
  // One alternative per kind, in the order of `kind`.
  using state = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double,
                             std::shared_ptr<const std::string>, std::shared_ptr<const binary_type>,
                             std::shared_ptr<const list_type>, std::shared_ptr<const map_type>,
                             std::shared_ptr<const native_object>>;

  void set_unsigned(std::uint64_t number);
  [[nodiscard]] const void* native_pointer(const std::type_info& wanted) const noexcept;
  [[nodiscard]] std::shared_ptr<const void>
  native_share(const std::type_info& wanted) const noexcept;

  state state_;
};

/// Returns the text of a value for people: JSON, with bytes as base64 and natives in their plain
/// form. Any size; use json.hpp where limits matter.
[[nodiscard]] std::string to_string(const value& content);

/// The name of a kind as used in messages: `null`, `boolean`, `integer`, `number`, `text`,
/// `binary`, `list`, `map`, `native`.
[[nodiscard]] std::string_view kind_name(const value& content);

} // namespace troupe
