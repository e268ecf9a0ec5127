#include <troupe/runtime/convert.hpp>

namespace troupe::detail {

failure wrong_kind(std::string_view wanted, const value& got) {
  return {failure_kind::malformed,
          "expected " + std::string(wanted) + ", got " + std::string(kind_name(got))};
}

failure wrong_number(std::string_view reason) {
  return {failure_kind::malformed, std::string(reason)};
}

} // namespace troupe::detail
