#pragma once

#include <troupe/protocol/failure.hpp>

#include <type_traits>
#include <utility>
#include <variant>

namespace troupe {

/// A value or the failure that took its place. Test it like a pointer, then read `*result` or
/// `result.why()`.
template <class T>
class [[nodiscard]] outcome {
  static_assert(!std::is_same_v<std::remove_cvref_t<T>, failure>,
                "an outcome of failure is ambiguous");

public:
  using value_type = T;

  outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  outcome(failure why) : state_(std::in_place_index<1>, std::move(why)) {}

  /// True when there is a value.
  [[nodiscard]] explicit operator bool() const noexcept { return state_.index() == 0; }
  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }

  /// The value. REQUIRES: there is one.
  [[nodiscard]] T& operator*() & { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& operator*() const& { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  [[nodiscard]] T* operator->() { return std::get_if<0>(&state_); }
  [[nodiscard]] const T* operator->() const { return std::get_if<0>(&state_); }

  /// The value; throws `step_error` with the failure when there is none.
  [[nodiscard]] const T& value() const& {
    if (!has_value()) throw step_error(why());
    return **this;
  }

  [[nodiscard]] T value() && {
    if (!has_value()) throw step_error(why());
    return std::move(**this);
  }

  template <class U>
  [[nodiscard]] T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }

  /// The failure. REQUIRES: there is no value.
  [[nodiscard]] const failure& why() const { return *std::get_if<1>(&state_); }

private:
  std::variant<T, failure> state_;
};

} // namespace troupe
