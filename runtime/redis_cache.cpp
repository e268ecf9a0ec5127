#include "redis_client.hpp"

#include <troupe/policies/cache_entry_codec.hpp>
#include <troupe/runtime/redis_cache.hpp>

#include <algorithm>

namespace troupe {

namespace {

using std::chrono::milliseconds;

// The clock that other processes have too. Ages are measured by it, whatever clock the runs have.
milliseconds wall_now() {
  return std::chrono::duration_cast<milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A name as SCAN matches it to the letter.
std::string literal_pattern(const std::string& text) {
  std::string made;
  for (const auto c : text) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') made += '\\';
    made += c;
  }
  return made;
}

class redis_backend final : public waiting_cache_backend {
public:
  redis_backend(std::shared_ptr<redis_client> client, std::string shown_as, std::string name)
      : client_(std::move(client)), shown_(std::move(shown_as)),
        prefix_("troupe:cache:" + std::move(name) + ':') {}

  std::shared_ptr<cache_backend> part_of(const std::string& name) override {
    return std::make_shared<redis_backend>(client_, shown_, name);
  }
  [[nodiscard]] std::string shown_as() const override { return shown_; }

  void start_get(const digest& key, instant now, std::function<void(found)> done) override {
    client_->send(get_command(key), true,
                  [shown = shown_, now, done = std::move(done)](redis_reply reply) {
                    done(read(std::move(reply), shown, now));
                  });
  }

  std::optional<failure> start_put(const digest& key, const cache_entry& entry,
                                   std::optional<duration> keep,
                                   std::function<void()> failed) override {
    const auto command = put_command(key, entry, keep);
    if (!command) return command.why();
    client_->send(*command, false, [failed = std::move(failed)](const redis_reply& reply) {
      if (!reply.content && failed) failed();
    });
    return std::nullopt;
  }

  std::shared_ptr<const cache_entry> get(const digest& key, instant now) override {
    redis_reply reply{client_->ask(get_command(key))};
    (void)reply.content.value();
    return read(std::move(reply), shown_, now).entry;
  }

  void put(const digest& key, cache_entry entry, std::optional<duration> keep, instant) override {
    (void)client_->ask(put_command(key, entry, keep).value()).value();
  }

  bool erase(const digest& key) override {
    return client_->ask(redis_command({"UNLINK", name_of(key)})).value().number > 0;
  }

  void clear() override {
    // All of the length of a sum: a cache whose name begins like this one has longer keys.
    const auto pattern = literal_pattern(prefix_) + std::string(2 * sizeof(digest), '?');
    std::string cursor = "0";
    do {
      const auto page =
          client_->ask(redis_command({"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"})).value();
      if (page.items.size() != 2)
        throw step_error(failure_kind::malformed, shown_ + ": SCAN answers no page");
      cursor = page.items[0].text;
      std::vector<std::string> unlink{"UNLINK"};
      for (const auto& each : page.items[1].items) unlink.push_back(each.text);
      if (unlink.size() > 1) (void)client_->ask(redis_command(unlink)).value();
    } while (cursor != "0");
  }

  // The server knows, and this process does not.
  [[nodiscard]] std::size_t size() const override { return 0; }
  [[nodiscard]] std::size_t bytes() const override { return 0; }
  [[nodiscard]] std::uint64_t evictions() const override { return 0; }

private:
  [[nodiscard]] std::string name_of(const digest& key) const { return prefix_ + to_hex(key); }

  // Never more than we would read, whatever lies there. An empty text means that there is nothing.
  [[nodiscard]] std::string get_command(const digest& key) const {
    static const auto last = std::to_string(max_entry_bytes);
    return redis_command({"GETRANGE", name_of(key), "0", last});
  }

  [[nodiscard]] outcome<std::string> put_command(const digest& key, const cache_entry& entry,
                                                 std::optional<duration> keep) const {
    const auto bytes = encode_entry(entry, wall_now());
    if (!bytes) return bytes.why();
    const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (!keep) return redis_command({"SET", name_of(key), text});
    const auto length = std::max<std::int64_t>(1, std::chrono::ceil<milliseconds>(*keep).count());
    return redis_command({"SET", name_of(key), text, "PX", std::to_string(length)});
  }

  static found read(redis_reply reply, const std::string& shown, instant now) {
    found made;
    if (!reply.news.empty())
      made.warning = "the cache " + reply.news + "; steps run uncached meanwhile";
    if (!reply.content) {
      made.failed = true;
      return made;
    }
    const auto& said = *reply.content;
    if (said.what == redis_answer::kind::text && said.text.empty()) return made;
    auto stored = said.what == redis_answer::kind::text
                      ? decode_entry(bytes_of(said.text))
                      : outcome<stored_entry>(failure{failure_kind::malformed, "it is no text"});
    if (!stored) {
      made.warning = "what the cache holds at " + shown + " is not used, " + stored.why().message;
      return made;
    }
    constexpr milliseconds oldest = std::chrono::hours(24 * 365 * 10);
    const auto now_there = wall_now();
    const auto begun = std::clamp(stored->stored, now_there - oldest, now_there);
    stored->entry.stored = now - (now_there - begun);
    made.entry = std::make_shared<const cache_entry>(std::move(stored->entry));
    return made;
  }

  std::shared_ptr<redis_client> client_;
  std::string shown_;
  std::string prefix_;
};

} // namespace

std::shared_ptr<cache_backend> redis_cache(std::string_view url, redis_options options) {
  const auto where = parse_redis_url(url);
  if (!where) throw step_error(where.why().kind, "the URL of a cache " + where.why().message);
  return std::make_shared<redis_backend>(redis_client::shared(*where, options), shown(*where),
                                         std::string());
}

std::optional<failure> check_redis_url(std::string_view url) {
  const auto where = parse_redis_url(url);
  if (where) return std::nullopt;
  return where.why();
}

} // namespace troupe
