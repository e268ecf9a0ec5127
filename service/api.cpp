#include "api.hpp"

#include "api_json.hpp"

#include <troupe/protocol/digest.hpp>

#include <openssl/crypto.h>

#include <limits>
#include <span>
#include <utility>

namespace troupe::service {

namespace {

constexpr std::uint64_t any_number = std::numeric_limits<std::uint64_t>::max();

digest digest_of(std::string_view text) {
  return sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

bool is_open_to_all(const http_request& head) {
  return head.path.size() == 1 && (head.path[0] == "livez" || head.path[0] == "readyz");
}

// `localhost:7800` and `[::1]:7800` without their ports.
std::string host_of(const std::string& authority) {
  const auto where = parse_endpoint(authority);
  return where ? where->host : std::string();
}

double milliseconds(duration length) {
  return std::chrono::duration<double, std::milli>(length).count();
}

http_response healthy(bool is) {
  if (!is) return error_response(503, "not ready");
  return json_response(value::map({{"status", "ok"}}));
}

http_response outcome_response(const outcome<value>& result, int status) {
  return result ? json_response(*result, status) : failure_response(result.why(), 404);
}

} // namespace

api::api(parts given)
    : parts_(std::move(given)), token_sum_(digest_of(parts_.token)),
      started_(parts_.book.home().now()), router_(all_routes()) {}

http_service api::service() {
  http_service made;
  made.admit = [this](const http_request& head) { return admit(head); };
  made.answer = [this](const http_request& request) { return answer(request); };
  made.refuse = [](int status, const std::string& message) {
    return error_response(status, message);
  };
  return made;
}

std::vector<route> api::all_routes() {
  std::vector<route> all;
  add_runs(all);
  add_cluster(all);
  add_self(all);
  return all;
}

void api::add_runs(std::vector<route>& all) {
  using words = std::vector<std::string>;
  // For what is about one run: finds it, also by the beginning of its id.
  const auto add = [&](const char* method, const char* what, auto handler) {
    all.push_back({method, std::string("/v1/runs/{id}") + what,
                   [this, handler](const http_request& request, const words& given) {
                     const auto run = parts_.book.find(given[0]);
                     if (!run) return failure_response(run.why(), 404);
                     return handler(request, *run);
                   }});
  };
  using request = http_request;
  all.push_back({"POST", "/v1/runs", [this](const request& r, const words&) { return submit(r); }});
  all.push_back({"GET", "/v1/runs", [this](const request& r, const words&) { return list(r); }});
  add("GET", "", [this](const request&, const run_id& run) { return show(run); });
  add("GET", "/events", [this](const request& r, const run_id& run) { return events(r, run); });
  add("GET", "/why", [this](const request&, const run_id& run) { return why(run); });
  add("POST", "/cancel", [this](const request&, const run_id& run) { return cancel(run); });
  add("POST", "/resume", [this](const request& r, const run_id& run) { return resume(r, run); });
  add("POST", "/retry", [this](const request&, const run_id& run) { return retry(run); });
}

void api::add_cluster(std::vector<route>& all) {
  using words = std::vector<std::string>;
  const auto add = [&](const char* method, const char* path, auto handler) {
    all.push_back({method, path, [this, handler](const http_request&, const words& given) {
                     return handler(parts_.cluster, given);
                   }});
  };
  add("GET", "/v1/nodes", [](cluster_view& cluster, const words&) {
    return json_response(value::map({{"nodes", cluster.nodes()}}));
  });
  add("POST", "/v1/nodes/{name}/drain", [](cluster_view& cluster, const words& given) {
    return outcome_response(cluster.drain(given[0]), 202);
  });
  add("GET", "/v1/breakers", [](cluster_view& cluster, const words&) {
    return json_response(value::map({{"breakers", cluster.breakers()}}));
  });
  add("POST", "/v1/breakers/{name}/reset", [](cluster_view& cluster, const words& given) {
    return outcome_response(cluster.reset_breaker(given[0]), 200);
  });
  add("GET", "/v1/caches", [](cluster_view& cluster, const words&) {
    return json_response(value::map({{"caches", cluster.caches()}}));
  });
  add("POST", "/v1/caches/{name}/clear", [](cluster_view& cluster, const words& given) {
    return outcome_response(cluster.clear_cache(given[0]), 200);
  });
}

void api::add_self(std::vector<route>& all) {
  using words = std::vector<std::string>;
  using request = http_request;
  all.push_back({"GET", "/v1/status", [this](const request&, const words&) { return status(); }});
  all.push_back({"GET", "/v1/openapi.json", [](const request&, const words&) {
                   http_response made;
                   made.body = openapi_text;
                   return made;
                 }});
  all.push_back({"GET", "/livez", [](const request&, const words&) { return healthy(true); }});
  all.push_back({"GET", "/readyz", [this](const request&, const words&) {
                   return healthy(!leaving_ && (!parts_.ready || parts_.ready()));
                 }});
}

// Without a token, whoever reaches the port may do everything. A web page in the browser of
// somebody who can must not: neither under its own name nor under one that it has made to lead
// here.
bool api::may_enter(const http_request& head) const {
  const auto host = host_of(head.host);
  if (parts_.token.empty() && !is_loopback({host, 0}) && host != parts_.host) return false;
  if (head.origin.empty()) return true;
  const auto scheme = head.origin.find("://");
  return scheme != std::string::npos && head.origin.substr(scheme + 3) == head.host;
}

std::optional<http_response> api::admit(const http_request& head) const {
  if (!is_open_to_all(head)) {
    if (!may_enter(head)) {
      return error_response(403, "requests from other sites are refused (Host: " + head.host
                                     + (head.origin.empty() ? "" : ", Origin: " + head.origin)
                                     + ")");
    }
    if (!parts_.token.empty()) {
      constexpr std::string_view scheme = "Bearer ";
      const auto shown = head.authorization.starts_with(scheme)
                             ? std::string_view(head.authorization).substr(scheme.size())
                             : std::string_view();
      const auto sum = digest_of(shown);
      if (CRYPTO_memcmp(sum.data(), token_sum_.data(), sum.size()) != 0) {
        auto refused =
            error_response(401, shown.empty() ? "a token is required" : "this is not the token");
        refused.headers.emplace_back("WWW-Authenticate", "Bearer");
        return refused;
      }
    }
  }
  const auto match = router_.find(head);
  if (match.found) return std::nullopt;
  if (match.allowed.empty()) return error_response(404, "there is nothing at this path");
  auto refused = error_response(405, "this path takes " + match.allowed);
  refused.headers.emplace_back("Allow", match.allowed);
  return refused;
}

http_response api::answer(const http_request& request) const {
  const auto match = router_.find(request);
  try {
    return match.found->answer(request, match.words);
  } catch (const request_error& error) {
    return error_response(error.status(), error.what());
  }
}

http_response api::submit(const http_request& request) {
  auto what = submission_of(request);
  const auto by_name = !what.name.empty();
  const auto run = parts_.book.submit(std::move(what));
  if (!run) return failure_response(run.why(), by_name ? 404 : 409);
  const auto entry = parts_.book.entry(*run);
  auto made =
      json_response(entry ? to_value(*entry) : value::map({{"run_id", run->to_string()}}), 201);
  made.headers.emplace_back("Location", "/v1/runs/" + run->to_string());
  return made;
}

http_response api::list(const http_request& request) const {
  const auto page = parts_.book.list(filter_of(request));
  value::list_type runs;
  for (const auto& each : page.runs) runs.push_back(to_value(each));
  return json_response(value::map(
      {{"runs", std::move(runs)}, {"next", page.next ? value(page.next->to_string()) : value()}}));
}

http_response api::show(const run_id& run) const {
  const auto entry = parts_.book.entry(run);
  if (!entry) return error_response(404, "there is no run " + run.to_string());
  const auto about = to_value(*entry);
  auto result = parts_.book.result(run);
  if (result.is_null()) return json_response(about);
  for (const auto* each : {"started_at_ms", "retry_of"}) result = result.with(each, about.at(each));
  return json_response(result);
}

http_response api::events(const http_request& request, const run_id& run) const {
  auto after = number_of(request, "after", 0, any_number);
  if (request.accept.find("text/event-stream") == std::string::npos) {
    const auto page = parts_.book.events(run, after, number_of(request, "limit", 100, 1'000));
    value::list_type list;
    for (const auto& each : page.events) list.push_back(to_value(each));
    return json_response(value::map({{"events", std::move(list)},
                                     {"next", page.next},
                                     {"missed", page.missed},
                                     {"ended", page.ended.empty() ? value() : value(page.ended)}}));
  }
  if (!request.last_event_id.empty()) {
    http_request resumed;
    resumed.query.emplace("Last-Event-ID", request.last_event_id);
    after = number_of(resumed, "Last-Event-ID", 0, any_number);
  }
  http_response made;
  made.type = "text/event-stream";
  made.stream = stream_of(parts_.book.follow(run, after));
  return made;
}

http_response api::why(const run_id& run) const {
  const auto entry = parts_.book.entry(run);
  if (!entry) return error_response(404, "there is no run " + run.to_string());
  value::list_type waits;
  for (const auto& each : parts_.book.why(run)) waits.push_back(to_value(each));
  return json_response(to_value(*entry).with("waits", value(std::move(waits))));
}

http_response api::cancel(const run_id& run) {
  const auto asked = parts_.book.cancel(run);
  if (!asked) return failure_response(asked.why(), 409);
  return json_response(value::map({{"run_id", run.to_string()}, {"cancelling", true}}), 202);
}

http_response api::resume(const http_request& request, const run_id& run) {
  const auto content = object_of(request);
  if (!content.contains("answer")) return error_response(400, "`answer` is missing");
  const auto status = parts_.book.resume(run, content.at("answer"));
  if (!status) return failure_response(status.why(), 409);
  return json_response(value::map({{"run_id", run.to_string()}, {"status", to_string(*status)}}),
                       202);
}

http_response api::retry(const run_id& run) {
  const auto next = parts_.book.retry(run);
  if (!next) return failure_response(next.why(), 409);
  return json_response(value::map({{"run_id", next->to_string()}, {"retry_of", run.to_string()}}),
                       201);
}

http_response api::status() const {
  const auto& home = parts_.book.home();
  const auto metrics = home.metrics();
  auto all = value::map(
      {{"version", TROUPE_VERSION},
       {"uptime_ms", milliseconds(home.now() - started_)},
       {"runs", to_value(parts_.book.counts())},
       {"runtime", value::map({{"open_runs", metrics.open_runs},
                               {"abandoned_steps", metrics.abandoned_steps},
                               {"restarted_stages", metrics.restarted_stages},
                               {"blocking_threads_busy", metrics.blocking_threads_busy},
                               {"blocking_steps_queued", metrics.blocking_steps_queued}})}});
  if (const auto* http = parts_.counters ? parts_.counters() : nullptr) {
    all = all.with("http", value::map({{"connections", http->connections.load()},
                                       {"viewers", http->viewers.load()},
                                       {"requests", http->requests.load()},
                                       {"refused", http->refused.load()},
                                       {"dropped_viewers", http->dropped_viewers.load()}}));
  }
  return json_response(all);
}

} // namespace troupe::service
