#include "http_client.hpp"
#include "http_exchange.hpp"
#include "llm_exchange.hpp"

#include <troupe/runtime/http_steps.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

namespace troupe::detail {

namespace {

/// The client of the process. It lives as long as a step that uses it.
std::shared_ptr<http_client> shared_client() {
  static std::mutex mutex;
  static std::weak_ptr<http_client> existing;
  const std::scoped_lock lock(mutex);
  auto client = existing.lock();
  if (!client) existing = client = std::make_shared<http_client>();
  return client;
}

/// One request of one attempt: keeps the clock still, and ends with the attempt.
class exchange : public std::enable_shared_from_this<exchange> {
public:
  using reader = std::function<outcome<value>(const http_reply&, step_context&)>;

  exchange(http_client& client, value_completion done, reader read)
      : client_(client), done_(std::move(done)), read_(std::move(read)) {}

  void start(http_call call) {
    auto& context = done_.context();
    if (const auto left = context.time_left()) call.limit = std::min(call.limit, *left);
    clock_ = context.hold_clock();
    const auto id =
        client_.start(std::move(call), [self = shared_from_this()](outcome<http_reply> reply) {
          self->finish(std::move(reply));
        });
    const std::scoped_lock lock(mutex_);
    if (finished_) return;
    on_stop_.emplace(context.stop_token(), canceller{&client_, id});
  }

private:
  struct canceller {
    http_client* client;
    std::uint64_t id;
    void operator()() const { client->cancel(id); }
  };

  void finish(outcome<http_reply> reply) {
    {
      const std::scoped_lock lock(mutex_);
      finished_ = true;
    }
    on_stop_.reset();
    if (reply) done_(read_(*reply, done_.context()));
    else done_(reply.why());
    clock_.reset();
  }

  http_client& client_;
  value_completion done_;
  reader read_;
  std::shared_ptr<void> clock_;
  std::mutex mutex_;
  bool finished_ = false;
  std::optional<std::stop_callback<canceller>> on_stop_;
};

void run_exchange(const std::shared_ptr<http_client>& client, outcome<http_call> call,
                  value_completion done, exchange::reader read) {
  if (!call) return done(call.why());
  std::make_shared<exchange>(*client, std::move(done), std::move(read))->start(*std::move(call));
}

wall_time wall_now() {
  return std::chrono::system_clock::now();
}

} // namespace

step_definition http_request_definition(const http_request_options* known, std::string identity,
                                        request_maker make) {
  auto about = http_request_per_attempt(
      known,
      [make = std::move(make)](const value& input, step_context& context)
          -> outcome<http_request_options> { return make(input, context.snapshot()); });
  about.identity = std::move(identity);
  return about;
}

step_definition http_request_per_attempt(const http_request_options* known, http_attempt make) {
  step_definition about;
  about.kind = step_kind::async;
  about.type = "http.request";
  if (known) {
    about.parameters = troupe_describe(*known);
    about.check = [options = *known](option_check& report) { troupe_check(options, report); };
    about.idempotent = known->idempotent || known->method == "GET" || known->method == "HEAD";
  }
  about.work = async_function([client = shared_client(),
                               make = std::move(make)](const value& input, value_completion done) {
    auto options = make(input, done.context());
    if (!options) return done(options.why());
    auto call = http_call_from(*options);
    auto label = call ? label_of(*call) : call_label();
    run_exchange(client, std::move(call), std::move(done),
                 [options = *options, label](const http_reply& reply, step_context&) {
                   return read_http_reply(options, label, reply, wall_now());
                 });
  });
  return about;
}

namespace {

/// How an answer becomes the output of the step.
using answer_writer = value (*)(const chat_answer&);

void ask_model(const std::shared_ptr<http_client>& client, const llm_chat_options& options,
               const std::vector<chat_message>& messages, value_completion done,
               answer_writer write) {
  auto call = llm_call(options, messages);
  auto label = call ? label_of(*call) : call_label();
  run_exchange(
      client, std::move(call), std::move(done),
      [options, label, write](const http_reply& reply, step_context& context) -> outcome<value> {
        auto read = read_llm_reply(options, label, reply, wall_now());
        if (!read) return read.why();
        context.report_usage(read->spent);
        if (!read->price_known) context.warn("no price is known for this model");
        return write(read->answer);
      });
}

step_definition llm_definition(const llm_chat_options* known) {
  step_definition about;
  about.kind = step_kind::async;
  about.type = "llm.chat";
  if (!known) return about;
  about.idempotent = known->idempotent;
  about.parameters = troupe_describe(*known);
  about.check = [options = *known](option_check& report) { troupe_check(options, report); };
  return about;
}

} // namespace

step_definition llm_chat_definition(llm_chat_options options, std::string identity,
                                    message_maker make) {
  auto about = llm_definition(&options);
  about.identity = std::move(identity);
  about.work = async_function([client = shared_client(), options = std::move(options),
                               make = std::move(make)](const value& input, value_completion done) {
    const auto messages = make(input, done.context().snapshot());
    ask_model(client, options, messages, std::move(done), to_value<chat_answer>);
  });
  return about;
}

step_definition llm_chat_per_attempt(const llm_chat_options* known, llm_attempt make) {
  auto about = llm_definition(known);
  about.work = async_function([client = shared_client(),
                               make = std::move(make)](const value& input, value_completion done) {
    const auto options = make(input, done.context());
    if (!options) return done(options.why());
    ask_model(client, *options, {}, std::move(done), llm_output);
  });
  return about;
}

} // namespace troupe::detail
