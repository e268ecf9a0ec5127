#include "frame_buffer.hpp"

#include <cstdint>
#include <utility>

namespace troupe::nodes {

void append_frame(const frame& content, std::vector<char>& out) {
  const auto size = static_cast<std::uint32_t>(content.size());
  const std::array<char, frame_header_bytes> header = {
      static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
      static_cast<char>(size)};
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), content.begin(), content.end());
}

bool frame_buffer::take(std::string_view received, std::vector<frame>& complete) {
  while (!received.empty()) {
    if (refused_bytes_ > 0) return false;
    if (header_size_ < frame_header_bytes && !take_header(received)) break;
    const auto part = received.substr(0, missing_);
    received.remove_prefix(part.size());
    missing_ -= part.size();
    if (missing_ > 0) {
      partial_.append(part);
      break;
    }
    if (partial_.empty()) {
      complete.emplace_back(part);
    } else {
      partial_.append(part);
      complete.push_back(std::exchange(partial_, {}));
    }
    header_size_ = 0;
  }
  return refused_bytes_ == 0;
}

/// Returns true when the header is complete and announces what is allowed.
bool frame_buffer::take_header(std::string_view& rest) {
  while (header_size_ < frame_header_bytes && !rest.empty()) {
    header_[header_size_++] = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
  }
  if (header_size_ < frame_header_bytes) return false;
  missing_ = 0;
  for (const auto byte : header_) missing_ = missing_ << 8 | byte;
  if (missing_ <= max_bytes_) return true;
  refused_bytes_ = missing_;
  return false;
}

} // namespace troupe::nodes
