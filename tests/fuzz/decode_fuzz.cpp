#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/step_result.hpp>

#include <cstdlib>

using namespace troupe;

// What can be decoded can be encoded, and that is its one canonical form.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto content = decode({data, size});
  if (!content) {
    if (content.why().kind != failure_kind::malformed) std::abort();
    return 0;
  }
  std::vector<std::uint8_t> bytes;
  if (!encode(*content, bytes)) std::abort();
  const auto again = decode(bytes);
  if (!again || !(*again == *content)) std::abort();
  std::vector<std::uint8_t> more;
  if (!encode(*again, more) || more != bytes) std::abort();

  const auto result = step_result_from(*content);
  if (result && !step_result_from(to_value(*result))) std::abort();
  return 0;
}
