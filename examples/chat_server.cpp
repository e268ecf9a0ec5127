#include "chat_server.hpp"

#include <troupe/protocol/json.hpp>

// The library is compiled with these, and its types look different without them.
#define CPPHTTPLIB_OPENSSL_SUPPORT
#define CPPHTTPLIB_ZLIB_SUPPORT
#define CPPHTTPLIB_BROTLI_SUPPORT
#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace troupe::examples {

namespace {

using std::chrono::milliseconds;

struct topic {
  std::string_view words; // any of these in the question, separated by '|'
  std::string_view answer;
};

constexpr std::array topics{
    topic{"track|where is my|arrive|delivery date",
          "You can follow your parcel with the tracking link in the shipping confirmation. Most "
          "parcels arrive two to four working days after they leave our warehouse."},
    topic{"refund|money back",
          "A refund goes back to the card or account you paid with, within five working days of "
          "the day the parcel reaches us."},
    topic{"return|send back|exchange|wrong size",
          "You may return or exchange anything unused within 30 days. Print the free label under "
          "'My orders' and drop the parcel at any pick-up point."},
    topic{"cancel", "An order can be cancelled under 'My orders' until it is packed, usually "
                    "within two hours. After that, please refuse the parcel or return it."},
    topic{"password|log in|login|account|e-mail|email",
          "Please use 'Forgot password' on the sign-in page. The link we send is good for one "
          "hour; look into the spam folder if it does not show up."},
    topic{"warranty|broken|damaged|defect|stopped working|repair",
          "I am sorry to hear that. Everything we sell has a two-year warranty: send us a photo "
          "and your order number, and we repair or replace it free of charge."},
    topic{"shipping|ship|postage|delivery",
          "Shipping within the country is 4.90, and free from 50 upwards. We also ship to all "
          "neighboring countries, for 9.90."},
    topic{"pay|card|invoice|installment",
          "We take all major credit cards, PayPal, bank transfer and, for registered customers, "
          "payment by invoice within 14 days."},
    topic{"discount|voucher|coupon|code|sale",
          "Enter the voucher code in the cart, before you pay. One voucher counts per order, and "
          "vouchers do not combine with sale prices."},
    topic{"stock|available|back in",
          "The product page shows what is in stock. With 'Tell me' there, we send you a message "
          "the moment it is available again."},
    topic{"size|measure|fit", "The size guide on each product page has all measures in "
                              "centimeters. Between two sizes, take the larger one."},
    topic{"open|hours|phone|call|contact|human|person",
          "Our team is there Monday to Friday from 8 to 18 and Saturday from 9 to 14, by phone and "
          "by chat."},
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> documents{{
    {"returns", "Returns. Anything unused may come back within 30 days. The label is free; the "
                "refund follows within five working days. Opened hygiene articles are excluded."},
    {"shipping", "Shipping. Parcels leave the warehouse on the next working day. Within the "
                 "country they take two to four days and cost 4.90, from 50 upwards nothing."},
    {"warranty", "Warranty. Two years on everything, five years on lamps and kettles. Send a photo "
                 "and the order number. Wear, and damage from dishwashers, are not covered."},
    {"payment",
     "Payment. Cards, PayPal, bank transfer; invoice for registered customers. Cards are "
     "charged when the parcel leaves the warehouse, not before."},
    {"privacy",
     "Privacy. We keep what an order needs: name, address, what was bought. Payment data "
     "stays with the payment service. Accounts are erased on request within 30 days."},
    {"sizes", "Sizes. All measures are in centimeters and taken flat. Between two sizes take the "
              "larger one. Shoes come up half a size small."},
    {"vouchers", "Vouchers. One per order, entered in the cart. They last three years and do not "
                 "combine with sale prices. What is left over stays on the voucher."},
    {"repairs", "Repairs. Lamps, kettles and coffee grinders are repaired in our own workshop, "
                "usually within ten days. A lender is available for coffee grinders."},
}};

// SplitMix64: one number of good quality for each (seed, request, purpose).
double draw(std::uint64_t seed, std::uint64_t request, std::uint64_t purpose) {
  auto bits = seed + request * 0x9E3779B97F4A7C15u + purpose * 0xD1B54A32D192ED03u;
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9u;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBu;
  bits ^= bits >> 31;
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

constexpr std::uint64_t for_latency = 1, for_limit = 2, for_wait = 3, for_burst = 4, for_hang = 5,
                        for_status = 6;

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& each : result)
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  return result;
}

bool has_any(std::string_view text, std::string_view words) {
  while (!words.empty()) {
    const auto end = std::min(words.find('|'), words.size());
    if (text.find(words.substr(0, end)) != text.npos) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

std::string answer_to(std::string_view question) {
  const auto text = lower(question);
  const auto found = std::find_if(topics.begin(), topics.end(),
                                  [&](const auto& each) { return has_any(text, each.words); });
  if (found != topics.end()) return std::string(found->answer);
  auto subject = std::string(question.substr(0, 80));
  return "Thank you for your question: \"" + subject
         + "\". I have passed it on to a colleague, who answers within one working day.";
}

std::int64_t tokens_of(std::string_view text) {
  return static_cast<std::int64_t>(text.size() / 4 + 1);
}

std::pair<int, int> latency_range(std::string_view model) {
  if (model.starts_with("gpt-3.5")) return {10, 40};
  if (model.starts_with("gpt-4")) return {40, 120};
  return {20, 60};
}

void refuse(httplib::Response& response, int status, std::string_view type,
            std::string_view message) {
  response.status = status;
  const auto body = value::map({{"error", value::map({{"type", type}, {"message", message}})}});
  response.set_content(write_json(body), "application/json");
}

struct question {
  std::string model;
  std::string text; // of the last message
  std::int64_t tokens = 0;
};

std::optional<question> read_question(const std::string& body) {
  const auto content = parse_json(body);
  if (!content) return {};
  const auto model = content->at("model");
  const auto messages = content->at("messages");
  if (!model.if_text() || messages.size() == 0) return {};
  question asked{*model.if_text(), {}};
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto text = messages.at(i).at("content");
    if (!text.if_text()) return {};
    asked.text = *text.if_text();
    asked.tokens += tokens_of(asked.text) + 4;
  }
  return asked;
}

} // namespace

class chat_server::service {
public:
  explicit service(chat_server_options given) : options_(std::move(given)) {
    server_.new_task_queue = [count = options_.threads] {
      return new httplib::ThreadPool(static_cast<std::size_t>(count));
    };
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_max_count(1'000'000);
    server_.set_keep_alive_timeout(1); // a stop waits for idle connections
    int listening = -1;
    server_.set_socket_options([&](socket_t socket) { listening = socket; });
    server_.Post("/v1/chat/completions",
                 [this](const auto& request, auto& response) { chat(request, response); });
    server_.Get(R"(/documents/([a-z0-9-]+))",
                [this](const auto& request, auto& response) { document(request, response); });

    const bool bound = options_.port == 0
                           ? (options_.port = server_.bind_to_any_port("127.0.0.1")) > 0
                           : server_.bind_to_port("127.0.0.1", options_.port);
    if (!bound) throw std::runtime_error("the port is taken: " + std::to_string(options_.port));
    // cpp-httplib lets five connections wait; clients that come all at once need more.
    ::listen(listening, 1'024);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }

  ~service() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stopped_.notify_all();
    server_.stop();
    thread_.join();
  }

  int port() const { return options_.port; }

  chat_server_stats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

private:
  using clock = std::chrono::steady_clock;

  double chance(std::uint64_t request, std::uint64_t purpose) const {
    return draw(options_.seed, request, purpose);
  }

  void count(std::uint64_t chat_server_stats::*what) {
    const std::lock_guard lock(mutex_);
    ++(stats_.*what);
  }

  std::uint64_t next_number() {
    const std::lock_guard lock(mutex_);
    const auto number = ++stats_.requests;
    if (options_.outage_begins != 0 && number == options_.outage_begins)
      outage_ends_ = clock::now() + options_.outage_time;
    return number;
  }

  bool in_outage(std::string_view model) {
    const std::lock_guard lock(mutex_);
    return model == options_.outage_model && clock::now() < outage_ends_;
  }

  bool in_burst(std::uint64_t number) const {
    const auto length = static_cast<std::uint64_t>(std::max(options_.burst_length, 0));
    for (std::uint64_t i = 0; i < length && i < number; ++i)
      if (chance(number - i, for_burst) < options_.bursts) return true;
    return false;
  }

  // Returns false when the server stops meanwhile.
  bool pause(clock::duration length) {
    std::unique_lock lock(mutex_);
    return !stopped_.wait_for(lock, length, [&] { return stopping_; });
  }

  void hang(httplib::Response& response) {
    const auto until = clock::now() + options_.hang_time;
    response.set_chunked_content_provider("application/json",
                                          [this, until](std::size_t, httplib::DataSink& sink) {
                                            // White space before the JSON: shows that the client
                                            // has gone.
                                            while (clock::now() < until && pause(milliseconds(50)))
                                              if (!sink.is_writable() || !sink.write(" ", 1))
                                                return false;
                                            return false;
                                          });
  }

  void chat(const httplib::Request& request, httplib::Response& response) {
    const auto number = next_number();
    if (!options_.api_key.empty()
        && request.get_header_value("Authorization") != "Bearer " + options_.api_key) {
      count(&chat_server_stats::unauthorized);
      return refuse(response, 401, "invalid_request_error", "The API key is not valid.");
    }
    const auto asked = read_question(request.body);
    if (!asked) {
      count(&chat_server_stats::malformed);
      return refuse(response, 400, "invalid_request_error",
                    "The request has no model or messages.");
    }
    if (in_outage(asked->model)) {
      count(&chat_server_stats::outage_errors);
      return refuse(response, 503, "server_error", "The model is not available at the moment.");
    }
    if (chance(number, for_hang) < options_.hangs) {
      count(&chat_server_stats::hung);
      return hang(response);
    }
    if (in_burst(number)) {
      count(&chat_server_stats::server_errors);
      constexpr std::array statuses{500, 502, 503};
      const auto which = static_cast<std::size_t>(chance(number, for_status) * 3);
      return refuse(response, statuses.at(which), "server_error", "Something went wrong.");
    }
    if (chance(number, for_limit) < options_.rate_limited) {
      count(&chat_server_stats::rate_limited);
      response.set_header("Retry-After", chance(number, for_wait) < 0.7 ? "0" : "1");
      return refuse(response, 429, "rate_limit_error", "Too many requests.");
    }
    answer(number, *asked, response);
  }

  void answer(std::uint64_t number, const question& asked, httplib::Response& response) {
    const auto [least, most] = latency_range(asked.model);
    const double wait = (least + (most - least) * chance(number, for_latency));
    pause(std::chrono::duration_cast<clock::duration>(
        std::chrono::duration<double, std::milli>(wait * options_.latency_scale)));

    const auto text = answer_to(asked.text);
    const auto written = tokens_of(text);
    const auto message = value::map({{"role", "assistant"}, {"content", text}});
    const auto choice = value::map({{"index", 0}, {"message", message}, {"finish_reason", "stop"}});
    const auto used = value::map({{"prompt_tokens", asked.tokens},
                                  {"completion_tokens", written},
                                  {"total_tokens", asked.tokens + written}});
    const auto body = value::map({{"id", "chatcmpl-" + std::to_string(number)},
                                  {"object", "chat.completion"},
                                  {"created", 1'700'000'000 + static_cast<std::int64_t>(number)},
                                  {"model", asked.model},
                                  {"choices", value::list({choice})},
                                  {"usage", used}});
    response.set_content(write_json(body), "application/json");
    count(&chat_server_stats::answered);
  }

  void document(const httplib::Request& request, httplib::Response& response) {
    count(&chat_server_stats::documents);
    const auto name = request.matches[1].str();
    for (const auto& [known, text] : documents)
      if (known == name)
        return response.set_content(std::string(text), "text/plain; charset=utf-8");
    refuse(response, 404, "not_found", "There is no document of that name.");
  }

  chat_server_options options_;
  mutable std::mutex mutex_; // guards the four below
  std::condition_variable stopped_;
  bool stopping_ = false;
  chat_server_stats stats_;
  clock::time_point outage_ends_{};
  httplib::Server server_;
  std::thread thread_;
};

chat_server::chat_server(chat_server_options options)
    : service_(std::make_unique<service>(std::move(options))) {}

chat_server::~chat_server() = default;

int chat_server::port() const {
  return service_->port();
}

std::string chat_server::base_url() const {
  return "http://127.0.0.1:" + std::to_string(port()) + "/v1";
}

std::string chat_server::document_url(const std::string& name) const {
  return "http://127.0.0.1:" + std::to_string(port()) + "/documents/" + name;
}

chat_server_stats chat_server::stats() const {
  return service_->stats();
}

} // namespace troupe::examples
