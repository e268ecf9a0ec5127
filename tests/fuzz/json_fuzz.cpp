#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/json.hpp>

#include <cstdlib>

using namespace troupe;

// What can be read can be written and read again, and loses nothing on the way.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto content = parse_json({reinterpret_cast<const char*>(data), size});
  if (!content) {
    if (content.why().kind != failure_kind::malformed) std::abort();
    return 0;
  }
  const auto again = parse_json(write_json(*content));
  if (!again || !(*again == *content)) std::abort();
  if (write_json(*again, {.indent = 2}) != write_json(*content, {.indent = 2})) std::abort();
  std::vector<std::uint8_t> bytes;
  if (!encode(*content, bytes)) std::abort();
  const auto decoded = decode(bytes);
  if (!decoded || !(*decoded == *content)) std::abort();
  return 0;
}
