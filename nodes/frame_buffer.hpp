#pragma once

#include "link.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::nodes {

/// What stands in front of the bytes of a frame: how many they are, as a big-endian u32.
inline constexpr std::size_t frame_header_bytes = 4;

/// Appends a frame to `out` as it goes over the wire.
void append_frame(const frame& content, std::vector<char>& out);

/// Cuts a stream of bytes into frames, however it comes in. Holds what has come of the one frame
/// that is not complete, never what its header merely promises; looks at each byte once.
class frame_buffer {
public:
  explicit frame_buffer(std::size_t max_bytes = max_frame_bytes) : max_bytes_(max_bytes) {}

  /// Takes what was received and appends the frames that it completes. Returns false when a header
  /// announces more than is allowed: from then on everything is ignored.
  [[nodiscard]] bool take(std::string_view received, std::vector<frame>& complete);

  /// How long the frame is that ended the stream; 0 while it goes on.
  [[nodiscard]] std::size_t refused_bytes() const noexcept { return refused_bytes_; }

private:
  bool take_header(std::string_view& rest);

  std::size_t max_bytes_;
  std::array<unsigned char, frame_header_bytes> header_{};
  std::size_t header_size_ = 0;
  std::size_t missing_ = 0; ///< of the frame whose header is complete
  frame partial_{};
  std::size_t refused_bytes_ = 0;
};

} // namespace troupe::nodes
