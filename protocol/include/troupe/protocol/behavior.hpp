#pragma once

#include <troupe/protocol/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace troupe {

namespace detail {
/// Names a plain function by its place inside its program or library, so that two processes of one
/// build agree.
[[nodiscard]] std::string function_identity(const void* address);
/// Names a type. Types that different files may have under one name, such as lambdas in functions
/// of internal linkage, are told apart by their place as well.
[[nodiscard]] std::string type_identity(const std::type_info& type);
/// A name that nothing else has, in this process or another.
[[nodiscard]] std::string unique_identity();

template <class F>
std::string identity_of(const F& f) {
  const auto type = type_identity(typeid(F));
  if constexpr (std::is_pointer_v<F>) {
    return type + function_identity(reinterpret_cast<const void*>(f));
  } else if constexpr (std::is_empty_v<F>) {
    return type;
  } else if constexpr (std::conjunction_v<std::is_trivially_copyable<F>,
                                          std::has_unique_object_representations<F>>) {
    std::string bytes(sizeof(F), '\0');
    std::memcpy(bytes.data(), &f, sizeof(F));
    return type
           + to_hex(sha256({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
  } else {
    return type + unique_identity();
  }
}

template <class F, class Result, class Arguments, class Indices>
struct takes;
template <class F, class Result, class Arguments, std::size_t... Index>
struct takes<F, Result, Arguments, std::index_sequence<Index...>>
    : std::is_invocable_r<Result, F&, std::tuple_element_t<Index, Arguments>...> {};

/// How many of the arguments the callable takes, from the first on, as many as it can; 0: none.
template <class F, class Result, class Arguments, std::size_t Count>
consteval std::size_t arguments_taken() {
  if constexpr (Count == 0) return 0;
  else if constexpr (takes<F, Result, Arguments, std::make_index_sequence<Count>>::value) {
    return Count;
  } else {
    return arguments_taken<F, Result, Arguments, Count - 1>();
  }
}

/// True for a callable that is not the behavior itself and takes the first argument, and any number
/// of those after it.
template <class F, class Behavior, class Result, class... Args>
struct can_become
    : std::bool_constant<(arguments_taken<F, Result, std::tuple<Args...>, sizeof...(Args)>() > 0)> {
};
template <class Behavior, class Result, class... Args>
struct can_become<Behavior, Behavior, Result, Args...> : std::false_type {};
} // namespace detail

/// User code inside a plan: a callable, and an identity that says which one it is.
///
/// The identity goes into the hash of the plan and into cache keys. Functions and lambdas that
/// capture nothing, or only plain bytes, have the same identity wherever and whenever they are
/// built. Any other callable (one that captures a `std::string`, say) cannot be compared, so each
/// one built counts as different; copies count as the same. Give `parameters` where the step is
/// defined to say what its behavior depends on instead.
template <class Signature>
class behavior;

template <class Result, class First, class... Rest>
class behavior<Result(First, Rest...)> {
public:
  behavior() = default;
  /// `f` takes the first argument, and as many of the others as it likes.
  template <class F>
    requires(detail::can_become<F, behavior, Result, First, Rest...>::value)
  behavior(F f) : behavior(std::move(f), std::string()) {}
  /// A callable that says itself which one it is; an empty `identity` means: find out.
  template <class F>
  behavior(F f, std::string identity)
      : identity_(std::make_shared<const std::string>(identity.empty() ? detail::identity_of(f)
                                                                       : std::move(identity))) {
    using arguments = std::tuple<First, Rest...>;
    constexpr auto taken = detail::arguments_taken<F, Result, arguments, 1 + sizeof...(Rest)>();
    if constexpr (taken == 1 + sizeof...(Rest)) {
      call_ = std::make_shared<std::function<Result(First, Rest...)>>(std::move(f));
    } else {
      call_ = std::make_shared<std::function<Result(First, Rest...)>>(
          [f = std::move(f)](First first, Rest... rest) mutable -> Result {
            std::tuple<First&&, Rest&&...> all(std::forward<First>(first),
                                               std::forward<Rest>(rest)...);
            return call_with(f, all, std::make_index_sequence<taken>());
          });
    }
  }

  Result operator()(First first, Rest... rest) const {
    return (*call_)(std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  [[nodiscard]] explicit operator bool() const noexcept { return call_ != nullptr; }
  /// Empty when there is no callable.
  [[nodiscard]] std::string identity() const { return identity_ ? *identity_ : std::string(); }

private:
  template <class F, class Arguments, std::size_t... Index>
  static Result call_with(F& f, Arguments& all, std::index_sequence<Index...>) {
    return f(std::forward<std::tuple_element_t<Index, Arguments>>(std::get<Index>(all))...);
  }

  std::shared_ptr<const std::string> identity_;
  std::shared_ptr<std::function<Result(First, Rest...)>> call_;
};

} // namespace troupe
