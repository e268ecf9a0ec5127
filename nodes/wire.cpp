#include "wire.hpp"

#include "wire_values.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace troupe::nodes {

namespace {

constexpr std::uint8_t list_of_32_bits = 0xdd;
/// How deep a part of an item may nest. What reads it counts the lists around it, too.
constexpr std::size_t max_depth = decode_limits().max_depth - 4;

failure malformed(std::string message) {
  return {failure_kind::malformed, std::move(message)};
}

value texts(const std::vector<std::string>& from) {
  return value::list({from.begin(), from.end()});
}

std::vector<std::string> texts_of(const value& from) {
  std::vector<std::string> found;
  const auto* items = from.if_list();
  if (!items) return found;
  for (const auto& each : *items)
    if (const auto* text = each.if_text()) found.push_back(*text);
  return found;
}

} // namespace

std::string_view to_string(message_kind kind) {
  switch (kind) {
  case message_kind::hello: return "hello";
  case message_kind::welcome: return "welcome";
  case message_kind::refusal: return "refusal";
  case message_kind::heartbeat: return "heartbeat";
  case message_kind::deploy: return "deploy";
  case message_kind::retire: return "retire";
  case message_kind::work: return "work";
  case message_kind::cancel: return "cancel";
  case message_kind::results: return "results";
  case message_kind::progress: return "progress";
  case message_kind::chunk: return "chunk";
  case message_kind::chunk_taken: return "chunk_taken";
  case message_kind::drain: return "drain";
  case message_kind::leaving: return "leaving";
  case message_kind::shared: return "shared";
  case message_kind::cache_ask: return "cache_ask";
  case message_kind::cache_answer: return "cache_answer";
  case message_kind::cache_store: return "cache_store";
  case message_kind::cache_release: return "cache_release";
  case message_kind::cache_erase: return "cache_erase";
  case message_kind::cache_erased: return "cache_erased";
  }
  return "unknown";
}

frame_writer::frame_writer(message_kind kind) : kind_(kind) {
  begin();
}

void frame_writer::begin() {
  bytes_.assign({list_of_32_bits, 0, 0, 0, 0, static_cast<std::uint8_t>(kind_)});
  items_ = 0;
}

outcome<std::size_t> frame_writer::add(const value& item) {
  const auto before = bytes_.size();
  return check(before, encode(item, bytes_, max_depth));
}

outcome<std::size_t> frame_writer::add_list(std::span<const value> parts) {
  constexpr std::uint8_t short_list = 0x90;
  constexpr std::size_t most_in_short_list = 15;
  while (!parts.empty() && parts.back().is_null()) parts = parts.first(parts.size() - 1);
  if (parts.size() > most_in_short_list) return add(value::list({parts.begin(), parts.end()}));
  const auto before = bytes_.size();
  bytes_.push_back(static_cast<std::uint8_t>(short_list | parts.size()));
  for (const auto& each : parts) {
    auto written = encode(each, bytes_, max_depth);
    if (!written) return check(before, std::move(written));
  }
  return check(before, bytes_.size() - before);
}

outcome<std::size_t> frame_writer::check(std::size_t before, outcome<std::size_t> written) {
  if (!written) bytes_.resize(before);
  if (written && *written > max_item_bytes) {
    bytes_.resize(before);
    return failure{failure_kind::permanent, std::to_string(*written)
                                                + " bytes are too much for another node; at most "
                                                + std::to_string(max_item_bytes) + " travel"};
  }
  if (written) ++items_;
  return written;
}

frame frame_writer::take() {
  const auto count = items_ + 1;
  for (std::size_t place = 0; place < 4; ++place) {
    bytes_[1 + place] = static_cast<std::uint8_t>(count >> (24 - 8 * place));
  }
  frame body(bytes_.begin(), bytes_.end());
  begin();
  return body;
}

frame write_frame(message_kind kind, std::initializer_list<value> items) {
  frame_writer writer(kind);
  for (const auto& each : items) (void)writer.add(each);
  return writer.take();
}

outcome<message> read_frame(const frame& body) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(body.data());
  auto content = decode({bytes, body.size()});
  if (!content) return content.why();
  const auto kind = integer_of(content->at(0));
  if (kind < 1 || kind > static_cast<std::int64_t>(message_kind::cache_erased)) {
    return malformed("a frame is no message of this protocol");
  }
  return message{static_cast<message_kind>(kind), *std::move(content)};
}

value to_value(const node_facts& facts) {
  value::map_type labels;
  for (const auto& [name, content] : facts.labels) labels.emplace_back(name, content);
  const auto& incarnation = facts.identity.incarnation.bytes();
  return value::map({
      {"protocol", "troupe"},
      {"major", facts.major},
      {"minor", facts.minor},
      {"version", facts.version},
      {"role", facts.role},
      {"name", facts.identity.name},
      {"host", facts.identity.host},
      {"process", facts.identity.process},
      {"incarnation", value::binary({incarnation.begin(), incarnation.end()})},
      {"labels", value::map(std::move(labels))},
      {"step_types", texts(facts.step_types)},
      {"pipelines", texts(facts.pipelines)},
      {"credit", facts.credit},
      {"heartbeat_ns", facts.heartbeat.count()},
      {"lost_after_ns", facts.lost_after.count()},
  });
}

outcome<node_facts> node_facts_from(const value& content) {
  if (text_of(content.at("protocol")) != "troupe") {
    return malformed("the other side does not speak the protocol of troupe nodes");
  }
  node_facts facts;
  facts.major = integer_of(content.at("major"));
  facts.minor = integer_of(content.at("minor"));
  facts.version = text_of(content.at("version"));
  facts.role = text_of(content.at("role"));
  facts.identity.name = text_of(content.at("name"));
  facts.identity.host = text_of(content.at("host"));
  facts.identity.process = static_cast<int>(integer_of(content.at("process")));
  const auto incarnation = content.at("incarnation");
  const auto* bytes = incarnation.if_binary();
  const auto id = bytes ? run_id::from_bytes(*bytes) : std::nullopt;
  if (!id || facts.identity.name.empty() || facts.identity.name.size() > 200) {
    return malformed("a node did not say who it is");
  }
  facts.identity.incarnation = *id;
  const auto labels = content.at("labels");
  if (const auto* members = labels.if_map()) {
    for (const auto& [name, label] : *members) facts.labels.emplace(name, text_of(label));
  }
  facts.step_types = texts_of(content.at("step_types"));
  facts.pipelines = texts_of(content.at("pipelines"));
  std::sort(facts.step_types.begin(), facts.step_types.end());
  std::sort(facts.pipelines.begin(), facts.pipelines.end());
  constexpr std::int64_t most_credit = 1'000'000;
  const auto credit = integer_of(content.at("credit"));
  facts.credit = static_cast<std::size_t>(std::clamp<std::int64_t>(credit, 0, most_credit));
  facts.heartbeat = duration(integer_of(content.at("heartbeat_ns")));
  facts.lost_after = duration(integer_of(content.at("lost_after_ns")));
  return facts;
}

std::optional<std::string> incompatible(const node_facts& mine, const node_facts& theirs) {
  const auto who = theirs.role + " `" + theirs.identity.name + "`";
  if (theirs.major != mine.major) {
    return who + " speaks version " + std::to_string(theirs.major) + '.'
           + std::to_string(theirs.minor) + " of the protocol between nodes (troupe "
           + theirs.version + "), and " + mine.role + " `" + mine.identity.name
           + "` speaks version " + std::to_string(mine.major) + '.' + std::to_string(mine.minor)
           + " (troupe " + mine.version + "); update the older one";
  }
  if (theirs.role != "coordinator" && theirs.role != "worker")
    return who + " has no role that is known here";
  if (theirs.role == "worker" && mine.role == "worker")
    return who + " is a worker too; workers connect to coordinators";
  if (theirs.role == "worker" && theirs.credit == 0) return who + " takes no work: its credit is 0";
  if (theirs.heartbeat <= duration::zero() || theirs.heartbeat * 2 > mine.lost_after) {
    return who + " sends a heartbeat every " + troupe::to_string(theirs.heartbeat) + ", and "
           + mine.role + " `" + mine.identity.name + "` gives nodes up after "
           + troupe::to_string(mine.lost_after) + " of silence; it must be at least twice as long";
  }
  return std::nullopt;
}

} // namespace troupe::nodes
