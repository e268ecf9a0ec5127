#pragma once

#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::detail {

/// A column of a table: what stands above it, and the member that is shown.
struct table_column {
  std::string title;
  std::string member;
};

/// Rows of maps as aligned columns, one line each, cut to `columns` where that is not 0. `none` is
/// said instead of an empty table.
[[nodiscard]] std::string table_of(const value& rows, const std::vector<table_column>& shown,
                                   const std::string& none, std::size_t columns = 0);

/// Runs as `list` shows them.
[[nodiscard]] std::string table_of_runs(const value& runs, std::size_t columns);
[[nodiscard]] std::string table_of_nodes(const value& nodes, std::size_t columns);
[[nodiscard]] std::string table_of_breakers(const value& breakers, std::size_t columns);
[[nodiscard]] std::string table_of_caches(const value& caches, std::size_t columns);

/// What a run waits for, one line each.
[[nodiscard]] std::string text_of_waits(const value& why);
/// One line about an event.
[[nodiscard]] std::string line_of_event(const value& event);

/// A text member, or an empty text.
[[nodiscard]] std::string text_at(const value& content, const char* member);

} // namespace troupe::detail
