#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/json.hpp>
#include <troupe/runtime/run_snapshot.hpp>

#include <optional>
#include <string_view>

namespace troupe {

namespace {

constexpr std::int64_t format_version = 1;
// Nothing here recurses, so there is room for results that hold results.
constexpr decode_limits state_limits{
    .max_bytes = std::size_t{256} << 20, .max_depth = 4'000, .max_elements = 16'000'000};

std::string base64(value::binary_type bytes) {
  // JSON writes bytes as quoted base64.
  auto text = write_json(value::binary(std::move(bytes)));
  return text.substr(1, text.size() - 2);
}

std::optional<value::binary_type> from_base64(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  value::binary_type bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t held = 0;
  int bits = 0;
  for (const char letter : text) {
    const auto digit = alphabet.find(letter);
    if (digit == std::string_view::npos) return std::nullopt;
    held = (held << 6 | static_cast<std::uint32_t>(digit)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<std::uint8_t>(held >> bits));
  }
  return bytes;
}

failure malformed(const std::string& message) {
  return {failure_kind::malformed, "the state of the run " + message};
}

value checkpoints_value(const std::vector<checkpoint>& all) {
  value::list_type list;
  for (const auto& [name, at] : all) list.push_back(value::list({name, at.count()}));
  return value(std::move(list));
}

std::vector<checkpoint> checkpoints_from(const value& content) {
  std::vector<checkpoint> all;
  if (const auto* list = content.if_list()) {
    for (const auto& one : *list) {
      const auto name = one.at(0);
      const auto at = one.at(1);
      if (name.is_text() && at.if_integer()) {
        all.push_back({*name.if_text(), duration(*at.if_integer())});
      }
    }
  }
  return all;
}

std::optional<std::uint32_t> counted(const value& number) {
  const auto* whole = number.if_integer();
  if (!whole || *whole < 0 || *whole > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*whole);
}

outcome<pause_request> pause_from(const value& content) {
  const auto step = content.at("step");
  const auto prompt = content.at("prompt");
  const auto path = content.at("path");
  const auto call = content.at("call");
  const auto number = counted(call);
  if (!step.is_text() || !prompt.is_text() || !path.is_text() || !number) {
    return malformed("does not say what it waits for");
  }
  pause_request asked{*step.if_text(), *prompt.if_text(), {}, {}};
  asked.where = {*path.if_text(), *number};
  if (const auto expects = content.at("expects"); expects.is_text()) {
    const auto type = answer_type_from(*expects.if_text());
    if (!type) return malformed("expects an answer of an unknown type");
    asked.rule.expects = *type;
  }
  const auto choices = content.at("choices");
  if (choices.is_list()) asked.rule.choices = *choices.if_list();
  return asked;
}

bool is_true(const value& flag) {
  return flag.if_bool() && *flag.if_bool();
}

} // namespace

value to_value(const run_snapshot& state) {
  const auto details =
      value::map({{"input", state.input},
                  {"context", state.context},
                  {"records", state.journal ? state.journal->to_value() : value::list({})},
                  {"retry_count", state.retry_count},
                  {"cache_hit", state.cache_hit},
                  {"fallback_used", state.fallback_used},
                  {"checkpoints", checkpoints_value(state.checkpoints)}});
  value::binary_type bytes;
  // What has no plain form cannot go on in another process; reading this says so.
  const auto encoded = encode(details, bytes, state_limits.max_depth);
  auto asked = to_value(state.pause);
  asked = asked.with("path", state.pause.where.path).with("call", state.pause.where.call);
  return value::map({{"version", format_version},
                     {"run_id", state.run_id.to_string()},
                     {"correlation_id", state.correlation_id},
                     {"name", state.name},
                     {"plan", to_hex(state.plan)},
                     {"pause", asked},
                     {"records", encoded ? value(base64(std::move(bytes))) : value()},
                     {"lost", encoded ? value() : value(encoded.why().message)}});
}

outcome<run_snapshot> run_snapshot_from(const value& content) {
  if (!content.is_map() || !(content.at("version") == value(format_version))) {
    return malformed("cannot be read: it is no map with version " + std::to_string(format_version));
  }
  if (const auto lost = content.at("lost"); lost.is_text()) {
    return malformed("could not be written: " + *lost.if_text());
  }
  run_snapshot state;
  const auto id = content.at("run_id");
  const auto parsed = id.is_text() ? run_id::parse(*id.if_text()) : std::nullopt;
  const auto plan = content.at("plan");
  const auto hash = plan.is_text() ? digest_from_hex(*plan.if_text()) : std::nullopt;
  const auto records = content.at("records");
  const auto bytes = records.is_text() ? from_base64(*records.if_text()) : std::nullopt;
  if (!parsed || !hash || !bytes) return malformed("is damaged: run_id, plan or records");
  state.run_id = *parsed;
  state.plan = *hash;
  const auto text_at = [&](const char* key) {
    const auto text = content.at(key);
    return text.is_text() ? *text.if_text() : std::string();
  };
  state.correlation_id = text_at("correlation_id");
  state.name = text_at("name");
  auto asked = pause_from(content.at("pause"));
  if (!asked) return asked.why();
  state.pause = *std::move(asked);

  const auto details = decode(*bytes, state_limits);
  if (!details) return malformed("is damaged: " + details.why().message);
  auto journal = run_journal::from_value(details->at("records"));
  if (!journal) return malformed("is damaged: " + journal.why().message);
  state.journal = *std::move(journal);
  state.input = details->at("input");
  state.context = details->at("context");
  state.retry_count = counted(details->at("retry_count")).value_or(0);
  state.cache_hit = is_true(details->at("cache_hit"));
  state.fallback_used = is_true(details->at("fallback_used"));
  state.checkpoints = checkpoints_from(details->at("checkpoints"));
  return state;
}

} // namespace troupe
