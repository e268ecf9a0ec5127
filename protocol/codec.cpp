#include "value_builder.hpp"
#include "value_walk.hpp"

#include <troupe/protocol/codec.hpp>

#include <msgpack/null_visitor.hpp>
#include <msgpack/pack.hpp>
#include <msgpack/unpack.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>

namespace troupe {

namespace {

failure malformed(std::string message) {
  return failure{.kind = failure_kind::malformed, .message = std::move(message)};
}

struct byte_sink {
  std::vector<std::uint8_t>& out;
  void write(const char* bytes, std::size_t count) {
    if (count == 0) return; // `bytes` may be null then
    if (count == 1) return out.push_back(static_cast<std::uint8_t>(*bytes));
    const auto end = out.size();
    out.resize(end + count);
    std::memcpy(out.data() + end, bytes, count);
  }
};

class packing_visitor {
public:
  explicit packing_visitor(std::vector<std::uint8_t>& out) : sink_{out}, pack_(sink_) {}

  bool leaf(const value& content) {
    switch (content.type()) {
    case value::kind::null: pack_.pack_nil(); return true;
    case value::kind::boolean: return pack_boolean(*content.if_bool());
    case value::kind::integer: pack_.pack_int64(*content.if_integer()); return true;
    case value::kind::unsigned_integer: pack_.pack_uint64(*content.if_unsigned()); return true;
    case value::kind::floating: return pack_double(*content.if_double());
    case value::kind::text: return pack_text(*content.if_text());
    case value::kind::binary: return pack_binary(*content.if_binary());
    case value::kind::list:
    case value::kind::map:
    case value::kind::native: break;
    }
    return false;
  }

  bool begin(const value& content) {
    if (!fits(content.size())) return false;
    const auto count = static_cast<std::uint32_t>(content.size());
    if (content.is_list()) pack_.pack_array(count);
    else pack_.pack_map(count);
    return true;
  }

  bool end(const value&) { return true; }
  bool item(std::size_t) { return true; }
  bool member(std::size_t, const std::string& key) { return pack_text(key); }
  bool opaque() { return false; }

private:
  static bool fits(std::size_t size) { return size <= std::numeric_limits<std::uint32_t>::max(); }

  bool pack_boolean(bool truth) {
    if (truth) pack_.pack_true();
    else pack_.pack_false();
    return true;
  }

  // By hand, because the packer turns whole numbers into integers.
  bool pack_double(double number) {
    constexpr std::uint64_t canonical_nan = 0x7ff8'0000'0000'0000;
    const auto bits = std::isnan(number) ? canonical_nan : std::bit_cast<std::uint64_t>(number);
    sink_.out.push_back(0xcb);
    for (int shift = 56; shift >= 0; shift -= 8) {
      sink_.out.push_back(static_cast<std::uint8_t>(bits >> shift));
    }
    return true;
  }

  bool pack_text(const std::string& text) {
    if (!fits(text.size())) return false;
    const auto count = static_cast<std::uint32_t>(text.size());
    pack_.pack_str(count).pack_str_body(text.data(), count);
    return true;
  }

  bool pack_binary(const value::binary_type& bytes) {
    if (!fits(bytes.size())) return false;
    const auto count = static_cast<std::uint32_t>(bytes.size());
    pack_.pack_bin(count).pack_bin_body(reinterpret_cast<const char*>(bytes.data()), count);
    return true;
  }

  byte_sink sink_;
  msgpack::packer<byte_sink> pack_;
};

// The counts in headers are ignored: containers grow by what really follows.
class building_visitor : public msgpack::null_visitor {
public:
  explicit building_visitor(const decode_limits& limits) : built_(limits) {}

  bool visit_nil() { return scalar({}); }
  bool visit_boolean(bool truth) { return scalar(truth); }
  bool visit_positive_integer(std::uint64_t number) { return scalar(number); }
  bool visit_negative_integer(std::int64_t number) { return scalar(number); }
  bool visit_float32(float number) { return scalar(static_cast<double>(number)); }
  bool visit_float64(double number) { return scalar(number); }

  bool visit_str(const char* text, std::uint32_t size) {
    std::string copy = size == 0 ? std::string() : std::string(text, size);
    if (!in_key_) return built_.add(std::move(copy));
    return built_.key(std::move(copy));
  }

  bool visit_bin(const char* bytes, std::uint32_t size) {
    if (size == 0) return scalar(value::binary({}));
    return scalar(value::binary({bytes, bytes + size}));
  }

  bool visit_ext(const char*, std::uint32_t) { return built_.refuse("has an extension type"); }
  bool start_array(std::uint32_t count) { return may_start() && built_.open_list(count); }
  bool end_array() { return built_.close(); }
  bool start_map(std::uint32_t count) { return may_start() && built_.open_map(count); }
  bool end_map() { return built_.close(); }

  bool start_map_key() {
    in_key_ = true;
    return true;
  }

  bool end_map_key() {
    in_key_ = false;
    return true;
  }

  void parse_error(std::size_t, std::size_t) { built_.refuse("has an unknown type byte"); }
  void insufficient_bytes(std::size_t, std::size_t) { built_.refuse("ends too early"); }

  detail::value_builder& built() { return built_; }

private:
  bool may_start() { return !in_key_ || built_.refuse("has a map key that is no text"); }
  bool scalar(value content) { return may_start() && built_.add(std::move(content)); }

  detail::value_builder built_;
  bool in_key_ = false;
};

outcome<value> decode_bytes(std::span<const std::uint8_t> bytes, const decode_limits& limits) {
  building_visitor visitor(limits);
  std::size_t position = 0;
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  msgpack::parse(data, bytes.size(), position, visitor);
  auto& built = visitor.built();
  if (built.is_complete() && built.problem().empty()) {
    if (position == bytes.size()) return built.take();
    built.refuse("has trailing bytes");
  }
  const auto problem = built.problem().empty() ? std::string("ends too early") : built.problem();
  return malformed("MessagePack " + problem + ", at byte " + std::to_string(position));
}

} // namespace

outcome<std::size_t> encode(const value& content, std::vector<std::uint8_t>& out,
                            std::size_t max_depth) {
  constexpr std::size_t usual = 128;
  const auto before = out.size();
  if (before == 0) out.reserve(usual);
  packing_visitor visitor(out);
  const auto end = detail::value_walk(visitor, max_depth).run(content);
  if (end == detail::walk_end::complete) return out.size() - before;
  out.resize(before);
  if (end == detail::walk_end::too_deep) {
    return malformed("a value nests deeper than " + std::to_string(max_depth));
  }
  if (end == detail::walk_end::no_plain_form) {
    return malformed("a value holds a C++ object that has no plain form");
  }
  return malformed("a text, binary, list or map has 2^32 elements or more");
}

outcome<value> decode(std::span<const std::uint8_t> bytes, const decode_limits& limits) {
  if (bytes.size() > limits.max_bytes) {
    return malformed("MessagePack has " + std::to_string(bytes.size()) + " bytes; the limit is "
                     + std::to_string(limits.max_bytes) + ", at byte "
                     + std::to_string(limits.max_bytes));
  }
  try {
    return decode_bytes(bytes, limits);
  } catch (const std::exception& error) {
    return malformed(std::string("MessagePack cannot be decoded: ") + error.what());
  }
}

} // namespace troupe
