#include "redis_client.hpp"

#include "redis_loop.hpp"

#include <future>
#include <map>
#include <tuple>

namespace troupe {

namespace {

using client_key = std::tuple<std::string, std::string, std::string, duration, duration, duration,
                              duration, std::size_t, std::size_t>;

client_key key_of(const redis_address& where, const redis_options& options) {
  return {shown(where),
          where.user,
          where.password,
          options.connect_limit,
          options.command_limit,
          options.first_pause,
          options.max_pause,
          options.max_queued,
          options.max_queued_bytes};
}

} // namespace

redis_client::redis_client(redis_address where, redis_options options)
    : loop_(std::make_shared<loop>(std::move(where), options)) {}

redis_client::~redis_client() {
  loop_->stop();
}

void redis_client::send(std::string command, bool tells, done answer) {
  loop_->send(std::move(command), tells, std::move(answer));
}

outcome<redis_answer> redis_client::ask(std::string command) {
  auto promise = std::make_shared<std::promise<outcome<redis_answer>>>();
  auto answer = promise->get_future();
  send(std::move(command), false, [promise = std::move(promise)](redis_reply reply) {
    promise->set_value(std::move(reply.content));
  });
  return answer.get();
}

std::shared_ptr<redis_client> redis_client::shared(const redis_address& where,
                                                   const redis_options& options) {
  static std::mutex mutex;
  static std::map<client_key, std::weak_ptr<redis_client>> all;
  const std::scoped_lock lock(mutex);
  std::erase_if(all, [](const auto& each) { return each.second.expired(); });
  auto& place = all[key_of(where, options)];
  auto client = place.lock();
  if (!client) place = client = std::make_shared<redis_client>(where, options);
  return client;
}

} // namespace troupe
