#pragma once

#include <troupe/protocol/outcome.hpp>
#include <troupe/protocol/step_result.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/runtime/fields.hpp>

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

namespace detail {

template <class T>
inline constexpr bool is_text =
    std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;
template <class T, template <class...> class Of>
inline constexpr bool is_a = false;
template <template <class...> class Of, class... Args>
inline constexpr bool is_a<Of<Args...>, Of> = true;
template <class T>
inline constexpr bool is_text_map = false;
template <class T>
inline constexpr bool is_text_map<std::map<std::string, T>> = true;

template <class T>
inline constexpr bool is_tuple_like = is_a<T, std::tuple> || is_a<T, std::pair>;

/// Types that become plain values: everything else travels as the C++ object itself.
template <class T>
concept plain_type = std::is_same_v<T, value> || std::is_arithmetic_v<T> || is_text<T> || is_a<
    T, std::vector> || is_a<T, std::optional> || is_text_map<T> || is_tuple_like<T>;

template <class T>
struct plain_form
    : std::bool_constant<plain_type<T> || has_fields<T> || std::is_same_v<T, step_result>> {};
template <class T>
struct plain_form<std::vector<T>> : plain_form<T> {};
template <class T>
struct plain_form<std::optional<T>> : plain_form<T> {};
template <class T>
struct plain_form<std::map<std::string, T>> : plain_form<T> {};
template <class... Ts>
struct plain_form<std::tuple<Ts...>> : std::bool_constant<(plain_form<Ts>::value && ...)> {};
template <class A, class B>
struct plain_form<std::pair<A, B>>
    : std::bool_constant<plain_form<A>::value && plain_form<B>::value> {};

failure wrong_kind(std::string_view wanted, const value& got);
failure wrong_number(std::string_view reason);

} // namespace detail

/// True when values of the type can be written as plain data: they may leave the process, and name
/// a cache entry. Structs get there with `TROUPE_FIELDS`.
template <class T>
inline constexpr bool has_plain_form = detail::plain_form<T>::value;

template <class T>
[[nodiscard]] value to_value(const T& object);
template <class T>
[[nodiscard]] outcome<T> from_value(const value& content);

/// How objects of `T` behave inside a value.
template <class T>
const native_type& native_type_of() {
  static const native_type type{&typeid(T), [](const void* object) -> value {
                                  if constexpr (detail::has_fields<T>) {
                                    value::map_type members;
                                    troupe_each_field(*static_cast<const T*>(object),
                                                      [&](const char* name, const auto& field) {
                                                        members.emplace_back(
                                                            name, to_value(field).plain());
                                                      });
                                    return value::map(std::move(members));
                                  } else {
                                    return {};
                                  }
                                }};
  return type;
}

/// Holds a C++ object itself, without turning it into data.
template <class T>
[[nodiscard]] value native_value(T object) {
  return value::native(std::make_shared<const T>(std::move(object)), native_type_of<T>());
}

/// A value of the object: plain for numbers, text, lists, maps, tuples and optionals of such, the
/// object itself for all other types.
template <class T>
value to_value(const T& object) {
  if constexpr (std::is_same_v<T, value>) {
    return object;
  } else if constexpr (std::is_same_v<T, bool> || std::is_integral_v<T> || detail::is_text<T>) {
    return value(object);
  } else if constexpr (std::is_floating_point_v<T>) {
    return value(static_cast<double>(object));
  } else if constexpr (std::is_same_v<T, step_result>) {
    return wrap_result(object);
  } else if constexpr (std::is_same_v<T, value::binary_type>) {
    return value::binary(object);
  } else if constexpr (detail::is_a<T, std::vector>) {
    value::list_type items;
    items.reserve(object.size());
    for (const auto& item : object) items.push_back(to_value(item));
    return value(std::move(items));
  } else if constexpr (detail::is_a<T, std::optional>) {
    return object ? to_value(*object) : value();
  } else if constexpr (detail::is_text_map<T>) {
    value::map_type members;
    for (const auto& [key, item] : object) members.emplace_back(key, to_value(item));
    return value::map(std::move(members));
  } else if constexpr (detail::is_tuple_like<T>) {
    return std::apply(
        [](const auto&... parts) { return value(value::list_type{to_value(parts)...}); }, object);
  } else {
    return native_value(object);
  }
}

namespace detail {

template <class T>
outcome<T> number_from(const value& content) {
  if constexpr (std::is_same_v<T, bool>) {
    if (const auto* truth = content.if_bool()) return *truth;
    return wrong_kind("boolean", content);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (content.is_number()) return static_cast<T>(content.to_double());
    return wrong_kind("number", content);
  } else {
    const auto fitted = [](auto number) -> outcome<T> {
      if (std::in_range<T>(number)) return static_cast<T>(number);
      return wrong_number("an integer does not fit its type");
    };
    if (const auto* number = content.if_integer()) return fitted(*number);
    if (const auto* number = content.if_unsigned()) return fitted(*number);
    return wrong_kind("integer", content);
  }
}

template <class T>
outcome<std::vector<T>> list_from(const value& content) {
  const auto* items = content.if_list();
  if (!items) return wrong_kind("list", content);
  std::vector<T> result;
  result.reserve(items->size());
  for (const auto& item : *items) {
    // The list may be what a parallel block gives: results, of which the outputs are wanted.
    const auto* inner = std::is_same_v<T, step_result> ? nullptr : unwrap_result(item);
    auto converted = from_value<T>(inner ? inner->output : item);
    if (!converted) return converted.why();
    result.push_back(*std::move(converted));
  }
  return result;
}

template <class Tuple, std::size_t... Places>
outcome<Tuple> tuple_from(const value& content, std::index_sequence<Places...>) {
  const auto* items = content.if_list();
  if (!items || items->size() != sizeof...(Places)) {
    return wrong_kind("list of " + std::to_string(sizeof...(Places)), content);
  }
  auto part = [&]<class T>(std::type_identity<T>, std::size_t place) -> outcome<T> {
    const auto* inner = std::is_same_v<T, step_result> ? nullptr : unwrap_result((*items)[place]);
    return from_value<T>(inner ? inner->output : (*items)[place]);
  };
  std::tuple<outcome<std::tuple_element_t<Places, Tuple>>...> parts{
      part(std::type_identity<std::tuple_element_t<Places, Tuple>>{}, Places)...};
  const failure* wrong = nullptr;
  ((!wrong && !std::get<Places>(parts) ? wrong = &std::get<Places>(parts).why() : nullptr), ...);
  if (wrong) return *wrong;
  return Tuple{*std::move(std::get<Places>(parts))...};
}

template <class T>
outcome<T> object_from(const value& content) {
  if (const auto* object = content.if_native<T>()) return *object;
  if constexpr (has_fields<T> && std::is_default_constructible_v<T>) {
    const auto plain = content.is_native() ? content.plain() : content;
    if (!plain.is_map()) return wrong_kind("map", content);
    T object;
    std::optional<failure> wrong;
    troupe_each_field(object, [&]<class Field>(const char* name, Field& field) {
      if (wrong) return;
      auto converted = from_value<Field>(plain.at(name));
      if (converted) field = *std::move(converted);
      else
        wrong =
            failure{failure_kind::malformed, std::string(name) + ": " + converted.why().message};
    });
    if (wrong) return *wrong;
    return object;
  } else {
    return wrong_kind("object of another C++ type", content);
  }
}

} // namespace detail

/// Reads an object out of a value; `malformed` when the value is of another kind.
template <class T>
outcome<T> from_value(const value& content) {
  if constexpr (std::is_same_v<T, value>) {
    return content;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return detail::number_from<T>(content);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (const auto* text = content.if_text()) return *text;
    return detail::wrong_kind("text", content);
  } else if constexpr (std::is_same_v<T, step_result>) {
    if (const auto* result = unwrap_result(content)) return *result;
    return step_result_from(content);
  } else if constexpr (std::is_same_v<T, value::binary_type>) {
    if (const auto* bytes = content.if_binary()) return *bytes;
    return detail::wrong_kind("binary", content);
  } else if constexpr (detail::is_a<T, std::vector>) {
    return detail::list_from<typename T::value_type>(content);
  } else if constexpr (detail::is_a<T, std::optional>) {
    if (content.is_null()) return T();
    auto inner = from_value<typename T::value_type>(content);
    if (!inner) return inner.why();
    return T(*std::move(inner));
  } else if constexpr (detail::is_text_map<T>) {
    const auto* members = content.if_map();
    if (!members) return detail::wrong_kind("map", content);
    T result;
    for (const auto& [key, item] : *members) {
      auto converted = from_value<typename T::mapped_type>(item);
      if (!converted) return converted.why();
      result.emplace(key, *std::move(converted));
    }
    return result;
  } else if constexpr (detail::is_tuple_like<T>) {
    return detail::tuple_from<T>(content, std::make_index_sequence<std::tuple_size_v<T>>());
  } else {
    return detail::object_from<T>(content);
  }
}

} // namespace troupe
