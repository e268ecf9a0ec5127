#include "client_connection.hpp"
#include "event_reader.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/service/cluster_client.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace troupe {

namespace {

using service::client_connection;
using service::client_reply;
using service::encoded;
using service::problem;

constexpr decode_limits answer_limits{std::size_t{512} << 20, 512, 50'000'000};

std::string checked(std::string url) {
  const auto wrong = [&](const std::string& why) {
    throw std::invalid_argument("`" + url + "` is no address of a cluster: " + why
                                + " (expected http://HOST:PORT or https://HOST:PORT)");
  };
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) wrong("http:// or https:// is missing");
  const auto name = url.substr(0, scheme);
  if (name != "http" && name != "https") wrong("it begins with " + name + "://");
  const auto rest = url.substr(scheme + 3);
  if (rest.empty() || rest.front() == '/' || rest.front() == ':') wrong("the host is missing");
  if (rest.find_first_of("@?# ") != std::string::npos) {
    wrong("it may hold neither credentials nor a query");
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

failure_kind kind_of(int status) {
  if (status == 429) return failure_kind::rejected;
  if (status == 400 || status == 413 || status == 415 || status == 431) {
    return failure_kind::malformed;
  }
  if (status == 503) return failure_kind::transient;
  if (status >= 500) return failure_kind::unclassified;
  return failure_kind::permanent;
}

failure refusal_of(const client_reply& reply, const std::string& url) {
  const auto content = parse_json(reply.body, answer_limits);
  const auto message = content ? content->at("error").at("message") : value();
  const auto* text = message.if_text();
  auto which = reply.status == 401 || reply.status == 403 ? cluster_problem::not_authorized
               : reply.status == 404                      ? cluster_problem::not_found
                                                          : cluster_problem::other;
  // Whoever answers without a word of explanation is no coordinator.
  if (!text) which = cluster_problem::unreachable;
  auto why = problem(which, kind_of(reply.status),
                     text ? *text
                          : url + " answers with status " + std::to_string(reply.status)
                                + ", which no coordinator does");
  if (which == cluster_problem::not_authorized) why.message = url + " refuses: " + why.message;
  why.retry_after = reply.retry_after;
  return why;
}

} // namespace

cluster_problem problem_of(const failure& why) {
  if (why.step == "cluster: unreachable") return cluster_problem::unreachable;
  if (why.step == "cluster: not authorized") return cluster_problem::not_authorized;
  if (why.step == "cluster: not found") return cluster_problem::not_found;
  return cluster_problem::other;
}

class cluster_client::implementation {
public:
  implementation(const std::string& url, cluster_options options)
      : connection_(checked(url), std::move(options)) {}

  outcome<value> get(std::string target) {
    client_connection::call what;
    what.target = std::move(target);
    return ask(what);
  }

  outcome<value> post(std::string target, const value& body = {}) {
    client_connection::call what;
    what.method = "POST";
    what.target = std::move(target);
    if (!body.is_null()) what.body = write_json(body);
    return ask(what);
  }

  outcome<std::string> watch(const std::string& run, const on_event& take, std::uint64_t after);

  [[nodiscard]] const std::string& url() const noexcept { return connection_.url(); }

private:
  outcome<value> ask(const client_connection::call& what) {
    const auto reply = connection_.send(what);
    if (!reply) return reply.why();
    if (reply->status < 200 || reply->status > 299) return refusal_of(*reply, url());
    auto content = parse_json(reply->body, answer_limits);
    if (content) return content;
    return problem(cluster_problem::unreachable, failure_kind::malformed,
                   url() + " is no coordinator: its answer is no JSON");
  }

  client_connection connection_;
};

outcome<std::string> cluster_client::implementation::watch(const std::string& run,
                                                           const on_event& take,
                                                           std::uint64_t after) {
  using clock = std::chrono::steady_clock;
  std::string status;
  bool stopped = false;
  auto last_id = std::to_string(after);
  auto give_up = clock::now() + connection_.options().patience;
  for (duration pause = std::chrono::milliseconds(100);;
       pause = std::min<duration>(pause * 2, std::chrono::seconds(2))) {
    service::event_reader reader([&](const service::sent_event& event) {
      const auto content = parse_json(event.data, answer_limits);
      if (!content) return true;
      if (event.kind == "end") {
        if (const auto* text = content->at("status").if_text()) status = *text;
        return false;
      }
      stopped = !take(event.kind == "missed" ? content->with("kind", "missed") : *content);
      return !stopped;
    });
    client_connection::call what;
    what.target = "/v1/runs/" + encoded(run) + "/events";
    what.last_event_id = last_id;
    what.take = [&](std::string_view bytes) {
      give_up = clock::now() + connection_.options().patience;
      pause = std::chrono::milliseconds(100);
      return reader.feed(bytes);
    };
    const auto reply = connection_.send(what);
    if (!reader.last_id().empty()) last_id = reader.last_id();
    if (stopped || !status.empty()) return status;
    if (reply && reply->status != 200) return refusal_of(*reply, url());
    if (!reply && problem_of(reply.why()) != cluster_problem::unreachable) return reply.why();
    if (clock::now() + pause >= give_up) {
      if (!reply) return reply.why();
      return problem(cluster_problem::unreachable, failure_kind::transient,
                     url() + " breaks off the events of the run");
    }
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable().wait_for(lock, pause);
  }
}

cluster_client::cluster_client(const std::string& url, cluster_options options)
    : implementation_(std::make_unique<implementation>(url, std::move(options))) {}

cluster_client::~cluster_client() = default;

outcome<value> cluster_client::submit(const service::submission& what) {
  auto body = value::map();
  const auto add = [&](const char* key, const std::string& text) {
    if (!text.empty()) body = body.with(key, text);
  };
  add("workflow", what.workflow);
  add("name", what.name);
  add("file", what.file);
  add("correlation_id", what.correlation_id);
  if (what.input) body = body.with("input", *what.input);
  if (!what.context.is_null()) body = body.with("context", what.context);
  if (what.limits.cost_usd || what.limits.tokens) {
    auto limits = value::map();
    if (what.limits.cost_usd) limits = limits.with("cost_usd", *what.limits.cost_usd);
    if (what.limits.tokens) limits = limits.with("tokens", *what.limits.tokens);
    body = body.with("limits", limits);
  }
  if (what.restart_scripts) body = body.with("restart_scripts", true);
  return implementation_->post("/v1/runs", body);
}

outcome<value> cluster_client::start(const std::string& name, const value& input) {
  service::submission what;
  what.name = name;
  what.input = input;
  return submit(what);
}

outcome<value> cluster_client::show(const std::string& run) {
  return implementation_->get("/v1/runs/" + encoded(run));
}

outcome<value> cluster_client::cancel(const std::string& run) {
  return implementation_->post("/v1/runs/" + encoded(run) + "/cancel");
}

outcome<value> cluster_client::resume(const std::string& run, const value& answer) {
  return implementation_->post("/v1/runs/" + encoded(run) + "/resume",
                               value::map({{"answer", answer}}));
}

outcome<value> cluster_client::retry(const std::string& run) {
  return implementation_->post("/v1/runs/" + encoded(run) + "/retry");
}

outcome<value> cluster_client::why(const std::string& run) {
  return implementation_->get("/v1/runs/" + encoded(run) + "/why");
}

outcome<value> cluster_client::list(const cluster_query& query) {
  auto target = "/v1/runs?limit=" + std::to_string(query.limit);
  if (!query.status.empty()) target += "&status=" + encoded(query.status);
  if (!query.name.empty()) target += "&name=" + encoded(query.name);
  if (!query.cursor.empty()) target += "&cursor=" + encoded(query.cursor);
  return implementation_->get(std::move(target));
}

outcome<value> cluster_client::events(const std::string& run, std::uint64_t after,
                                      std::size_t limit) {
  return implementation_->get("/v1/runs/" + encoded(run) + "/events?after=" + std::to_string(after)
                              + "&limit=" + std::to_string(limit));
}

outcome<std::string> cluster_client::watch(const std::string& run, const on_event& take,
                                           std::uint64_t after) {
  return implementation_->watch(run, take, after);
}

outcome<value> cluster_client::result(const std::string& run) {
  const auto ended = watch(run, [](const value&) { return true; });
  if (!ended) return ended.why();
  return show(run);
}

outcome<value> cluster_client::nodes() {
  return implementation_->get("/v1/nodes");
}

outcome<value> cluster_client::drain(const std::string& node) {
  return implementation_->post("/v1/nodes/" + encoded(node) + "/drain");
}

outcome<value> cluster_client::breakers() {
  return implementation_->get("/v1/breakers");
}

outcome<value> cluster_client::reset_breaker(const std::string& name) {
  return implementation_->post("/v1/breakers/" + encoded(name) + "/reset");
}

outcome<value> cluster_client::caches() {
  return implementation_->get("/v1/caches");
}

outcome<value> cluster_client::clear_cache(const std::string& name) {
  return implementation_->post("/v1/caches/" + encoded(name) + "/clear");
}

outcome<value> cluster_client::ready() {
  return implementation_->get("/readyz");
}

outcome<value> cluster_client::status() {
  return implementation_->get("/v1/status");
}

const std::string& cluster_client::url() const noexcept {
  return implementation_->url();
}

} // namespace troupe
