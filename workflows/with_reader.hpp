#pragma once

#include <troupe/protocol/failure.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/protocol/value.hpp>
#include <troupe/workflows/step_registry.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Reads the members of a `with`, or of a map inside of one, and reports what is wrong with them.
/// The same code reads them twice: when the file is read, where members that depend on the call
/// count as not given, and at each call.
///
/// A member that is null counts as not given. What is wrong reads as not given too.
class with_reader {
public:
  /// Of a file, whose reader itself reports unknown members and constant ones of a wrong kind.
  with_reader(const step_settings& settings, const field_report& report);
  /// Of one call.
  with_reader(value content, const field_report& report);

  /// The member, or null when it is not given or not known yet.
  [[nodiscard]] value member(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return !member(name).is_null(); }

  [[nodiscard]] std::string text(std::string_view name, std::string otherwise = {}) const;
  [[nodiscard]] bool boolean(std::string_view name, bool otherwise) const;
  [[nodiscard]] std::int64_t
  integer(std::string_view name, std::int64_t otherwise, std::int64_t least,
          std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  /// At least 0 and finite.
  [[nodiscard]] double amount(std::string_view name) const;
  /// At least 0; `positive`: greater than 0.
  [[nodiscard]] std::optional<duration> length(std::string_view name, bool positive = false) const;
  [[nodiscard]] value list(std::string_view name) const;
  [[nodiscard]] value map(std::string_view name) const;
  /// Calls `read` with a name and a text for each member of a map of texts, numbers and booleans;
  /// with nothing for a null if `nulls` are fine.
  void each_text(
      std::string_view name, bool nulls,
      const std::function<void(const std::string&, const std::optional<std::string>&)>& read) const;

  /// Reports a member that is not given, unless it may be later.
  void require(std::string_view name) const;
  /// Reports every member that is none of these.
  void only(std::initializer_list<std::string_view> names) const;
  void report(std::string_view name, const std::string& message) const;
  /// Reads a map inside of this one.
  [[nodiscard]] with_reader inside(std::string_view name, value content) const;
  [[nodiscard]] const value& content() const noexcept { return content_; }

  /// True for what depends on the call, while the file is read.
  [[nodiscard]] static bool is_unknown(const value& part);
  /// A template with what depends on the call as a placeholder.
  [[nodiscard]] static value known_part(const value_template& part);

private:
  with_reader(value content, const field_report& report, std::string prefix);
  [[nodiscard]] std::string path(std::string_view name) const;
  void wrong_kind(std::string_view name, std::string_view wanted, const value& got) const;

  value content_;
  const field_report& report_;
  std::string prefix_{};
  bool kinds_are_checked_ = false;
};

/// Keeps the first report as the failure of a call.
class call_report {
public:
  call_report();
  call_report(const call_report&) = delete;
  call_report& operator=(const call_report&) = delete;
  [[nodiscard]] const field_report& sink() const noexcept { return sink_; }
  [[nodiscard]] const std::optional<failure>& found() const noexcept { return found_; }

private:
  std::optional<failure> found_;
  field_report sink_;
};

/// Reports members that the whole step depends on, so that they must not depend on a call.
void require_constant(const step_settings& settings, const field_report& report,
                      std::initializer_list<std::string_view> names);

} // namespace troupe
