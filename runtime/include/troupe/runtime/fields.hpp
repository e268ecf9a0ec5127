#pragma once

#include <utility>

/// Names the fields of a struct, so that troupe can write it as plain data: for cache keys, JSON
/// and other nodes. Goes right after the struct, in its namespace; up to 64 fields, each of a type
/// with a plain form:
///
///     struct order { std::string id; int items = 0; };
///     TROUPE_FIELDS(order, id, items);
#define TROUPE_FIELDS(Type, ...)                                                                   \
  template <class Visit>                                                                           \
  void troupe_each_field(const Type& object, Visit&& visit) {                                      \
    TROUPE_FOR_EACH(TROUPE_VISIT_FIELD, __VA_ARGS__)                                               \
  }                                                                                                \
  template <class Visit>                                                                           \
  void troupe_each_field(Type& object, Visit&& visit) {                                            \
    TROUPE_FOR_EACH(TROUPE_VISIT_FIELD, __VA_ARGS__)                                               \
  }                                                                                                \
  static_assert(true, "a semicolon follows")

#define TROUPE_VISIT_FIELD(field) visit(#field, object.field);
#define TROUPE_PARENS ()
#define TROUPE_EXPAND(...) TROUPE_EXPAND3(TROUPE_EXPAND3(TROUPE_EXPAND3(__VA_ARGS__)))
#define TROUPE_EXPAND3(...) TROUPE_EXPAND2(TROUPE_EXPAND2(TROUPE_EXPAND2(__VA_ARGS__)))
#define TROUPE_EXPAND2(...) TROUPE_EXPAND1(TROUPE_EXPAND1(TROUPE_EXPAND1(__VA_ARGS__)))
#define TROUPE_EXPAND1(...) TROUPE_EXPAND0(TROUPE_EXPAND0(TROUPE_EXPAND0(__VA_ARGS__)))
#define TROUPE_EXPAND0(...) __VA_ARGS__
#define TROUPE_FOR_EACH(macro, ...)                                                                \
  __VA_OPT__(TROUPE_EXPAND(TROUPE_FOR_EACH_NEXT(macro, __VA_ARGS__)))
#define TROUPE_FOR_EACH_NEXT(macro, first, ...)                                                    \
  macro(first) __VA_OPT__(TROUPE_FOR_EACH_AGAIN TROUPE_PARENS(macro, __VA_ARGS__))
#define TROUPE_FOR_EACH_AGAIN() TROUPE_FOR_EACH_NEXT

namespace troupe::detail {

struct ignore_field {
  template <class Field>
  void operator()(const char*, Field&&) const {}
};

template <class T>
concept has_fields = requires(const T& object) {
  troupe_each_field(object, ignore_field{});
};

} // namespace troupe::detail
