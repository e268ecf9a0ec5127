#include "played_workers.hpp"

#include <bit>

namespace troupe::nodes {

namespace {

// Written with all of its eight bytes, so that any other one takes its place.
constexpr dispatch_number wide_number = dispatch_number{1} << 40;

// MessagePack, as far as requests have it, read without the cost of a worker's own reading.
class quick_reader {
public:
  explicit quick_reader(const char* at) : at_(at) {}

  std::uint64_t integer() {
    const auto mark = byte();
    return mark < 0x80 ? mark : number(1u << (mark - 0xccu));
  }
  std::uint64_t list() {
    const auto mark = byte();
    return mark == 0xdd ? number(4) : mark & 0x0fu;
  }
  void skip() {
    const auto mark = byte();
    if (mark < 0x80 || mark >= 0xe0 || mark == 0xc0 || mark == 0xc2 || mark == 0xc3) return;
    if (mark < 0x90) return skip_all(2 * std::uint64_t{mark & 0x0fu});
    if (mark < 0xa0) return skip_all(mark & 0x0fu);
    if (mark < 0xc0) at_ += mark & 0x1fu;
    else if (mark == 0xc4 || mark == 0xd9) at_ += number(1);
    else if (mark == 0xcb) at_ += 8;
    else at_ += 1u << (mark & 3u); // integers
  }
  void skip_all(std::uint64_t count) {
    for (; count > 0; --count) skip();
  }

private:
  std::uint8_t byte() { return static_cast<std::uint8_t>(*at_++); }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t read = 0;
    for (; bytes > 0; --bytes) read = read << 8 | byte();
    return read;
  }

  const char* at_;
};

} // namespace

played_workers::played_workers(std::size_t most_open) : open_(std::bit_ceil(most_open + 1)) {
  step_result result;
  result.output = 1;
  const run_scope counted(run_id(), "", instant{}, {});
  frame_writer results(message_kind::results);
  static_cast<void>(write_result(results, wide_number, result, {}, counted));
  result_ = results.take();
  number_place_ = result_.find('\xcf') + 1;
}

node_facts played_workers::facts(std::size_t worker, std::size_t credit,
                                 std::map<std::string, std::string> labels) {
  node_facts about;
  about.identity = make_node_identity("worker-" + std::to_string(worker));
  about.role = "worker";
  about.labels = std::move(labels);
  about.step_types = {"value"};
  about.credit = credit;
  about.heartbeat = std::chrono::milliseconds(500);
  return about;
}

void played_workers::take(worker_number to, const frame& body) {
  quick_reader reader(body.data());
  const auto count = reader.list();
  if (static_cast<message_kind>(reader.integer()) != message_kind::work) return;
  for (std::uint64_t index = 1; index < count; ++index) {
    const auto parts = reader.list();
    const auto number = reader.integer();
    open_[last_++ & (open_.size() - 1)] = {to, number, reader.integer()};
    reader.skip_all(parts - 2);
  }
}

const frame& played_workers::result_of(dispatch_number number) {
  for (std::size_t byte = 0; byte < 8; ++byte) {
    result_[number_place_ + byte] = static_cast<char>(number >> (56 - 8 * byte));
  }
  return result_;
}

} // namespace troupe::nodes
