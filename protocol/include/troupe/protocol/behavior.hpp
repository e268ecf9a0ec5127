#pragma once

#include <troupe/protocol/digest.hpp>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
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

/// True for a callable that is not the behavior itself and takes all arguments, or only the first.
template <class F, class Behavior, class Result, class First, class... Rest>
inline constexpr bool can_become =
    std::conjunction_v<std::negation<std::is_same<std::remove_cvref_t<F>, Behavior>>,
                       std::disjunction<std::is_invocable_r<Result, F&, First, Rest...>,
                                        std::is_invocable_r<Result, F&, First>>>;
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
  /// `f` takes all arguments, or only the first one.
  template <class F>
    requires(detail::can_become<F, behavior, Result, First, Rest...>)
  behavior(F f) : behavior(std::move(f), std::string()) {}
  /// A callable that says itself which one it is; an empty `identity` means: find out.
  template <class F>
  behavior(F f, std::string identity)
      : identity_(std::make_shared<const std::string>(identity.empty() ? detail::identity_of(f)
                                                                       : std::move(identity))) {
    if constexpr (std::is_invocable_r_v<Result, F&, First, Rest...>) {
      call_ = std::make_shared<std::function<Result(First, Rest...)>>(std::move(f));
    } else {
      call_ = std::make_shared<std::function<Result(First, Rest...)>>(
          [f = std::move(f)](First first, Rest...) mutable -> Result {
            return f(std::forward<First>(first));
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
  std::shared_ptr<const std::string> identity_;
  std::shared_ptr<std::function<Result(First, Rest...)>> call_;
};

} // namespace troupe
