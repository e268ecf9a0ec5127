#include "redis_protocol.hpp"

#include <hiredis/hiredis.h>

#include <new>

namespace troupe {

namespace {

struct reply_free {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using reply_handle = std::unique_ptr<redisReply, reply_free>;

redis_answer read_answer(const redisReply& reply) {
  redis_answer made;
  const auto text = [&] { return std::string(reply.str, static_cast<std::size_t>(reply.len)); };
  switch (reply.type) {
  case REDIS_REPLY_STRING:
  case REDIS_REPLY_STATUS:
    made.what = redis_answer::kind::text;
    made.text = text();
    break;
  case REDIS_REPLY_ERROR:
    made.what = redis_answer::kind::error;
    made.text = text();
    break;
  case REDIS_REPLY_INTEGER:
    made.what = redis_answer::kind::number;
    made.number = reply.integer;
    break;
  case REDIS_REPLY_ARRAY:
    made.what = redis_answer::kind::list;
    for (std::size_t index = 0; index < reply.elements; ++index)
      made.items.push_back(read_answer(*reply.element[index]));
    break;
  default: break;
  }
  return made;
}

std::string format(const std::vector<const char*>& words, const std::vector<std::size_t>& sizes) {
  char* bytes = nullptr;
  // The argument is not const in every release.
  auto starts = words;
  const auto size =
      redisFormatCommandArgv(&bytes, static_cast<int>(starts.size()), starts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  std::string made(bytes, static_cast<std::size_t>(size));
  redisFreeCommand(bytes);
  return made;
}

template <class Words>
std::string format_all(const Words& words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const auto& word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  return format(starts, sizes);
}

} // namespace

std::string redis_command(std::initializer_list<std::string_view> words) {
  return format_all(words);
}

std::string redis_command(const std::vector<std::string>& words) {
  return format_all(words);
}

struct redis_reader::state {
  struct reader_free {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };
  std::unique_ptr<redisReader, reader_free> reader{redisReaderCreate()};
};

redis_reader::redis_reader() : state_(std::make_unique<state>()) {
  if (!state_->reader) throw std::bad_alloc();
}

redis_reader::~redis_reader() = default;
redis_reader::redis_reader(redis_reader&&) noexcept = default;
redis_reader& redis_reader::operator=(redis_reader&&) noexcept = default;

void redis_reader::feed(std::string_view bytes) {
  if (redisReaderFeed(state_->reader.get(), bytes.data(), bytes.size()) != REDIS_OK) broken_ = true;
}

std::optional<redis_answer> redis_reader::next() {
  if (broken_) return std::nullopt;
  void* reply = nullptr;
  if (redisReaderGetReply(state_->reader.get(), &reply) != REDIS_OK) {
    broken_ = true;
    return std::nullopt;
  }
  if (!reply) return std::nullopt;
  const reply_handle owned(static_cast<redisReply*>(reply));
  return read_answer(*owned);
}

} // namespace troupe
