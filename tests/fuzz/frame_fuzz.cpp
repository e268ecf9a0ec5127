#include "frame_buffer.hpp"

#include <cstdint>
#include <cstdlib>

using namespace troupe::nodes;

namespace {

constexpr std::size_t max_bytes = 600;

} // namespace

// The first byte says how the rest is split. Whole or in parts, it gives the same frames and the
// same verdict, and the frames are what stood in the stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t part = data[0] % 61 + 1;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  frame_buffer at_once(max_bytes);
  std::vector<frame> whole;
  const auto fine = at_once.take(stream, whole);

  frame_buffer in_parts(max_bytes);
  std::vector<frame> pieces;
  auto still_fine = true;
  for (std::size_t at = 0; at < stream.size(); at += part) {
    still_fine = in_parts.take(stream.substr(at, part), pieces);
  }
  if (still_fine != fine || pieces != whole) std::abort();
  if (in_parts.refused_bytes() != at_once.refused_bytes()) std::abort();
  if (fine != (at_once.refused_bytes() == 0)) std::abort();

  std::vector<char> again;
  for (const auto& each : whole) append_frame(each, again);
  if (!stream.starts_with(std::string_view(again.data(), again.size()))) std::abort();
  return 0;
}
