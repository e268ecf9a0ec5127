#include "cache_words.hpp"

#include "wire_values.hpp"

#include <troupe/policies/cache_entry_codec.hpp>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace troupe::nodes {

namespace {

failure foreign(const std::string& why) {
  return {failure_kind::malformed, "what it says about a cache does not read: " + why};
}

value of(const std::optional<duration>& length) {
  return length ? value(length->count()) : value();
}

value of(const digest& key) {
  return value::binary({key.begin(), key.end()});
}

value of(std::size_t amount) {
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return value(static_cast<std::int64_t>(std::min(amount, most)));
}

std::optional<digest> digest_from(const value& from) {
  const auto* bytes = from.if_binary();
  digest made{};
  if (!bytes || bytes->size() != made.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), made.begin());
  return made;
}

std::optional<duration> length_from(const value& from) {
  const auto* number = from.if_integer();
  return number ? std::optional(duration(*number)) : std::nullopt;
}

// Entries: their bytes, their age, and how long they may be kept.
outcome<value::list_type> parts_of(const kept_entry& content, instant now) {
  if (!content.entry) return value::list_type(3);
  auto bytes = encode_entry(*content.entry, {});
  if (!bytes) return bytes.why();
  const auto keep = content.drop_at ? std::optional(*content.drop_at - now) : std::nullopt;
  return value::list_type{value::binary(*std::move(bytes)), (now - content.entry->stored).count(),
                          of(keep)};
}

outcome<kept_entry> content_from(const message& from, std::size_t first, instant now) {
  const auto bytes = from.item(first);
  if (bytes.is_null()) return kept_entry{};
  if (!bytes.if_binary()) return foreign("an entry is no bytes");
  auto read = decode_entry(*bytes.if_binary());
  if (!read) return read.why();
  constexpr duration oldest = std::chrono::hours(24 * 365 * 10);
  const duration age(integer_of(from.item(first + 1)));
  read->entry.stored = now - std::clamp(age, duration::zero(), oldest);
  kept_entry made{std::make_shared<const cache_entry>(std::move(read->entry)), {}};
  if (const auto keep = length_from(from.item(first + 2))) made.drop_at = later(now, *keep);
  return made;
}

struct writer {
  instant now;

  [[nodiscard]] static outcome<frame> of_items(message_kind kind, value::list_type items) {
    frame_writer made(kind);
    for (const auto& each : items) {
      if (auto added = made.add(each); !added) return added.why();
    }
    return made.take();
  }

  [[nodiscard]] outcome<frame> with_entry(message_kind kind, value::list_type items,
                                          const kept_entry& content) const {
    auto parts = parts_of(content, now);
    if (!parts) return parts.why();
    for (auto& each : *parts) items.push_back(std::move(each));
    return of_items(kind, std::move(items));
  }

  outcome<frame> operator()(const cache_ask& word) const {
    return of_items(message_kind::cache_ask,
                    {word.what.cache, of(word.what.key), word.ticket, of(word.ttl), word.holds});
  }
  outcome<frame> operator()(const cache_answer& word) const {
    return with_entry(message_kind::cache_answer,
                      {word.what.cache, of(word.what.key), word.ticket, word.computes},
                      word.content);
  }
  outcome<frame> operator()(const cache_store& word) const {
    return with_entry(message_kind::cache_store,
                      {word.what.cache, of(word.what.key), word.ticket, of(word.room.max_size),
                       of(word.room.max_bytes)},
                      word.content);
  }
  outcome<frame> operator()(const cache_release& word) const {
    return of_items(message_kind::cache_release, {word.what.cache, of(word.what.key), word.ticket});
  }
  outcome<frame> operator()(const cache_erase& word) const {
    return of_items(message_kind::cache_erase,
                    {word.number, word.cache, word.key ? of(*word.key) : value(), word.first_hand});
  }
  outcome<frame> operator()(const cache_erased& word) const {
    return of_items(message_kind::cache_erased, {word.number, word.found});
  }
};

std::uint64_t number_of(const value& from) {
  return static_cast<std::uint64_t>(integer_of(from));
}

std::size_t amount_of(const value& from) {
  return static_cast<std::size_t>(std::max<std::int64_t>(integer_of(from), 0));
}

outcome<cache_word> read_erase(const message& content) {
  cache_erase word{number_of(content.item(0)), text_of(content.item(1)),
                   digest_from(content.item(2)), flag_of(content.item(3))};
  if (!word.key && !content.item(2).is_null()) return foreign("a key is no sum");
  return cache_word(std::move(word));
}

} // namespace

std::string cached_key::text() const {
  return cache + std::string(key.begin(), key.end());
}

outcome<frame> write_word(const cache_word& word, instant now) {
  return std::visit(writer{now}, word);
}

outcome<cache_word> read_word(const message& content, instant now) {
  if (content.kind == message_kind::cache_erase) return read_erase(content);
  if (content.kind == message_kind::cache_erased)
    return cache_word(cache_erased{number_of(content.item(0)), flag_of(content.item(1))});
  const auto key = digest_from(content.item(1));
  if (!key) return foreign("a key is no sum");
  cached_key what{text_of(content.item(0)), *key};
  const auto ticket = number_of(content.item(2));
  if (content.kind == message_kind::cache_ask) {
    return cache_word(
        cache_ask{std::move(what), ticket, length_from(content.item(3)), flag_of(content.item(4))});
  }
  if (content.kind == message_kind::cache_release)
    return cache_word(cache_release{std::move(what), ticket});
  if (content.kind == message_kind::cache_answer) {
    auto entry = content_from(content, 4, now);
    if (!entry) return entry.why();
    const auto computes = flag_of(content.item(3));
    if (!computes && !entry->entry) return foreign("an answer says nothing");
    return cache_word(cache_answer{std::move(what), ticket, computes, *std::move(entry)});
  }
  if (content.kind == message_kind::cache_store) {
    auto entry = content_from(content, 5, now);
    if (!entry) return entry.why();
    if (!entry->entry) return foreign("nothing is stored");
    return cache_word(cache_store{std::move(what),
                                  ticket,
                                  *std::move(entry),
                                  {amount_of(content.item(3)), amount_of(content.item(4))}});
  }
  return foreign("it is about something else");
}

} // namespace troupe::nodes
