#pragma once

#include <troupe/service/run_book.hpp>

#include <string>
#include <vector>

namespace troupe::service {

/// What to tell about an open run in which nothing has happened for so long; empty when that is
/// fine. Pure.
[[nodiscard]] std::string stall_report(const run_log::progress& progress, duration quiet,
                                       const std::vector<wait_reason>& chain,
                                       const run_book_options& options);

} // namespace troupe::service
