#pragma once

#include <troupe/protocol/value.hpp>

#include <string>

namespace troupe {

/// A C++ object inside values, with and without a plain form.
struct point {
  int x = 0;
};

inline value native_point(int x) {
  static const native_type type{&typeid(point), [](const void* object) {
                                  return value::map({{"x", static_cast<const point*>(object)->x}});
                                }};
  return value::native(std::make_shared<point>(point{x}), type);
}

inline value native_secret() {
  static const native_type type{&typeid(point), nullptr};
  return value::native(std::make_shared<point>(), type);
}

/// A native whose plain form is a native again, for ever.
inline value native_loop() {
  static const native_type type{&typeid(point), [](const void*) { return native_loop(); }};
  return value::native(std::make_shared<point>(), type);
}

/// A native whose plain form holds such a native again, for ever.
inline value native_spiral() {
  static const native_type type{&typeid(point),
                                [](const void*) { return value::list({native_spiral()}); }};
  return value::native(std::make_shared<point>(), type);
}

/// `depth` lists inside each other.
inline value nested_lists(std::size_t depth) {
  value result = 1;
  for (std::size_t i = 0; i < depth; ++i) result = value::list({std::move(result)});
  return result;
}

} // namespace troupe
