#include "event_reader.hpp"

#include <utility>

namespace troupe::service {

bool event_reader::feed(std::string_view bytes) {
  for (const char letter : bytes) {
    if (letter == '\n' && std::exchange(after_return_, false)) continue;
    after_return_ = letter == '\r';
    if (letter != '\n' && letter != '\r') {
      line_ += letter;
      continue;
    }
    const auto line = std::exchange(line_, {});
    std::string_view content = line;
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (!std::exchange(begun_, true) && content.starts_with(byte_order_mark)) {
      content.remove_prefix(byte_order_mark.size());
    }
    if (!on_line(content)) return false;
  }
  return true;
}

bool event_reader::on_line(std::string_view line) {
  if (line.empty()) return dispatch();
  const auto colon = line.find(':');
  if (colon == 0) return true;
  const auto field = line.substr(0, colon);
  auto content = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (content.starts_with(' ')) content.remove_prefix(1);
  if (field == "event") {
    kind_ = content;
  } else if (field == "id" && content.find('\0') == std::string_view::npos) {
    last_id_ = content;
  } else if (field == "data") {
    if (std::exchange(has_data_, true)) data_ += '\n';
    data_ += content;
  }
  return true;
}

bool event_reader::dispatch() {
  auto kind = std::exchange(kind_, {});
  auto data = std::exchange(data_, {});
  if (!std::exchange(has_data_, false)) return true;
  return take_({kind.empty() ? "message" : std::move(kind), std::move(data), last_id_});
}

} // namespace troupe::service
