#pragma once

#include <troupe/protocol/outcome.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>

/// What the parameters and the result of a callable say about a step: its input and output types.
namespace troupe::detail {

template <class T>
struct unwrapped {
  using type = T;
};
template <class T>
struct unwrapped<outcome<T>> {
  using type = T;
};

/// First parameter and result of a callable.
template <class F, class = void>
struct signature {
  static_assert(sizeof(F) == 0,
                "give the types of a generic callable: `step<In, Out>(\"name\", callable)`");
};
template <class R, class... Args>
struct signature_parts {
  static_assert(sizeof...(Args) > 0, "a step takes its input as its first parameter");
  static_assert(!std::is_void_v<R>, "a step must return its output");
  using input = std::remove_cvref_t<std::tuple_element_t<0, std::tuple<Args..., void*>>>;
  using output = typename unwrapped<std::remove_cvref_t<R>>::type;
};
template <class R, class... Args>
struct signature<R (*)(Args...)> : signature_parts<R, Args...> {};
template <class R, class... Args>
struct signature<R (*)(Args...) noexcept> : signature_parts<R, Args...> {};
template <class T>
struct member_signature;
template <class C, class R, class... Args>
struct member_signature<R (C::*)(Args...)> : signature_parts<R, Args...> {};
template <class C, class R, class... Args>
struct member_signature<R (C::*)(Args...) const> : signature_parts<R, Args...> {};
template <class C, class R, class... Args>
struct member_signature<R (C::*)(Args...) noexcept> : signature_parts<R, Args...> {};
template <class C, class R, class... Args>
struct member_signature<R (C::*)(Args...) const noexcept> : signature_parts<R, Args...> {};
template <class F>
struct signature<F, std::void_t<decltype(&F::operator())>>
    : member_signature<decltype(&F::operator())> {};

template <class F>
using input_of = typename signature<std::decay_t<F>>::input;
template <class F>
using output_of = typename signature<std::decay_t<F>>::output;

} // namespace troupe::detail
