#include <troupe/policies/cache_entry_codec.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/portable.hpp>

#include <string>

namespace troupe {

namespace {

constexpr auto format_name = "troupe cache entry";
constexpr std::int64_t format_version = 1;

failure foreign(const std::string& why) {
  return {failure_kind::malformed, "no entry of a cache: " + why};
}

constexpr decode_limits limits{.max_bytes = max_entry_bytes};

} // namespace

outcome<std::vector<std::uint8_t>> encode_entry(const cache_entry& entry,
                                                std::chrono::milliseconds stored) {
  value::map_type set;
  value::list_type erased;
  for (const auto& [key, content] : entry.changes) {
    if (content) set.emplace_back(key, to_portable(*content));
    else erased.emplace_back(key);
  }
  const auto& result = *entry.result;
  const auto body = to_value(result).with("output", to_portable(result.output));
  std::vector<std::uint8_t> bytes;
  const auto written =
      encode(value::list({format_name, format_version, static_cast<std::int64_t>(stored.count()),
                          body, value::map(std::move(set)), value::list(std::move(erased))}),
             bytes);
  if (!written) return written.why();
  if (bytes.size() > limits.max_bytes)
    return failure{failure_kind::malformed, "it takes more than 64 MiB"};
  // Fewer bytes hold no more elements than are read back.
  if (bytes.size() > limits.max_elements) {
    if (const auto read = decode(bytes, limits); !read) return read.why();
  }
  return bytes;
}

outcome<stored_entry> decode_entry(std::span<const std::uint8_t> bytes) {
  const auto read = decode(bytes, limits);
  if (!read) return foreign(read.why().message);
  const auto& all = *read;
  const auto at = [&](std::size_t index) { return all.at(index); };
  const auto version = at(1);
  const auto stored = at(2);
  const auto set = at(4);
  const auto erased = at(5);
  if (at(0) != value(format_name) || version != value(format_version) || !stored.if_integer())
    return foreign("it does not begin like one");
  if (!at(3).is_map() || !set.is_map() || !erased.is_list()) return foreign("a part is missing");
  auto result = step_result_from(at(3));
  if (!result) return foreign(result.why().message);
  result->output = from_portable(result->output);
  stored_entry made;
  made.entry.result = std::make_shared<const step_result>(*std::move(result));
  made.stored = std::chrono::milliseconds(*stored.if_integer());
  for (const auto& [key, content] : *set.if_map())
    made.entry.changes.emplace_back(key, from_portable(content));
  for (const auto& key : *erased.if_list()) {
    if (!key.if_text()) return foreign("a name is no text");
    made.entry.changes.emplace_back(*key.if_text(), std::nullopt);
  }
  return made;
}

} // namespace troupe
