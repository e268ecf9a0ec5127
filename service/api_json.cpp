#include "api_json.hpp"

#include "api.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace troupe::service {

namespace {

constexpr std::size_t most_events_at_once = 100;

std::string_view code_of(int status) {
  switch (status) {
  case 400: return "bad_request";
  case 401: return "unauthorized";
  case 403: return "forbidden";
  case 404: return "not_found";
  case 405: return "method_not_allowed";
  case 409: return "conflict";
  case 413: return "too_large";
  case 415: return "unsupported_type";
  case 429: return "too_many";
  case 431: return "header_too_large";
  case 503: return "unavailable";
  default: return "internal";
  }
}

int status_of(const failure& why, int missing) {
  switch (why.kind) {
  case failure_kind::malformed: return 400;
  case failure_kind::permanent: return missing;
  case failure_kind::rejected:
  case failure_kind::rate_limited: return 429;
  case failure_kind::transient:
  case failure_kind::timed_out:
  case failure_kind::worker_lost: return 503;
  case failure_kind::cancelled:
  case failure_kind::paused: return 409;
  case failure_kind::usage_limit:
  case failure_kind::unclassified: break;
  }
  return 500;
}

bool is_type(const http_request& request, std::string_view type) {
  return request.content_type.substr(0, request.content_type.find(';')) == type;
}

void check_members(const value& content, std::initializer_list<std::string_view> known) {
  const auto* members = content.if_map();
  if (!members) return;
  for (const auto& [key, member] : *members) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw request_error(400, "there is no member `" + key + "` here");
    }
  }
}

std::string text_member(const value& content, const char* key) {
  const auto member = content.at(key);
  if (member.is_null()) return {};
  if (const auto* text = member.if_text()) return *text;
  throw request_error(400, "`" + std::string(key) + "` must be a text, not "
                               + std::string(kind_name(member)));
}

usage_limit limits_member(const value& content) {
  usage_limit limits;
  const auto given = content.at("limits");
  if (given.is_null()) return limits;
  if (!given.is_map()) throw request_error(400, "`limits` must be an object");
  check_members(given, {"cost_usd", "tokens"});
  if (const auto cost = given.at("cost_usd"); !cost.is_null()) {
    if (!cost.is_number() || !std::isfinite(cost.to_double()) || cost.to_double() < 0) {
      throw request_error(400, "`limits.cost_usd` must be a number from 0");
    }
    limits.cost_usd = cost.to_double();
  }
  if (const auto tokens = given.at("tokens"); !tokens.is_null()) {
    const auto* number = tokens.if_integer();
    if (!number || *number < 0) {
      throw request_error(400, "`limits.tokens` must be a whole number from 0");
    }
    limits.tokens = *number;
  }
  return limits;
}

std::string line_of(const char* kind, const value& content) {
  return std::string("event: ") + kind + "\ndata: " + write_json(content) + "\n\n";
}

class event_stream final : public body_stream {
public:
  explicit event_stream(std::unique_ptr<event_viewer> viewer) : viewer_(std::move(viewer)) {}

  bool next(std::string& piece) override {
    const auto page = viewer_->take(most_events_at_once);
    if (page.missed > 0) piece += line_of("missed", value::map({{"missed", page.missed}}));
    for (const auto& each : page.events) {
      piece += "id: " + std::to_string(each.seq) + '\n';
      piece += line_of(std::string(to_string(each.kind)).c_str(), to_value(each));
    }
    if (page.ended.empty()) return true;
    piece += line_of("end", value::map({{"status", page.ended}}));
    return false;
  }
  void on_ready(std::function<void()> ready) override { viewer_->on_news(std::move(ready)); }

private:
  std::unique_ptr<event_viewer> viewer_;
};

} // namespace

http_response json_response(const value& content, int status) {
  http_response made;
  made.status = status;
  made.body = write_json(content) + '\n';
  return made;
}

http_response error_response(int status, const std::string& message) {
  return json_response(
      value::map({{"error", value::map({{"code", code_of(status)}, {"message", message}})}}),
      status);
}

http_response failure_response(const failure& why, int missing) {
  auto made = error_response(status_of(why, missing), why.message);
  if (why.retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*why.retry_after).count();
    made.headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(seconds, 1)));
  }
  return made;
}

value object_of(const http_request& request) {
  if (request.body.empty()) return {};
  if (!is_type(request, "application/json")) {
    throw request_error(415, "the body must be of the type application/json");
  }
  auto content = parse_json(request.body);
  if (!content) throw request_error(400, "the body is no JSON: " + content.why().message);
  if (!content->is_map()) throw request_error(400, "the body must be a JSON object");
  return *std::move(content);
}

submission submission_of(const http_request& request) {
  submission what;
  if (is_type(request, "application/yaml")) {
    what.workflow = request.body;
    return what;
  }
  const auto content = object_of(request);
  check_members(content, {"workflow", "name", "file", "input", "context", "correlation_id",
                          "limits", "restart_scripts"});
  what.workflow = text_member(content, "workflow");
  what.name = text_member(content, "name");
  what.file = text_member(content, "file");
  what.correlation_id = text_member(content, "correlation_id");
  what.limits = limits_member(content);
  what.context = content.at("context");
  if (content.contains("input")) what.input = content.at("input");
  if (const auto restart = content.at("restart_scripts"); !restart.is_null()) {
    if (!restart.if_bool()) throw request_error(400, "`restart_scripts` must be true or false");
    what.restart_scripts = *restart.if_bool();
  }
  return what;
}

run_filter filter_of(const http_request& request) {
  for (const auto& [key, content] : request.query) {
    if (key != "status" && key != "name" && key != "limit" && key != "cursor") {
      throw request_error(400, "there is no parameter `" + key + "` here");
    }
  }
  run_filter filter;
  filter.limit = number_of(request, "limit", filter.limit, 1'000);
  if (filter.limit == 0) throw request_error(400, "`limit` must be from 1 to 1000");
  if (const auto name = request.query.find("name"); name != request.query.end()) {
    filter.name = name->second;
  }
  if (const auto given = request.query.find("status"); given != request.query.end()) {
    for (const auto each : {run_status::running, run_status::paused, run_status::completed,
                            run_status::failed, run_status::cancelled}) {
      if (to_string(each) == given->second) filter.status = each;
    }
    if (!filter.status) {
      throw request_error(400, "`status` must be one of running, paused, completed, failed, "
                               "cancelled");
    }
  }
  if (const auto given = request.query.find("cursor"); given != request.query.end()) {
    filter.before = run_id::parse(given->second);
    if (!filter.before) throw request_error(400, "`cursor` must be the id of a run");
  }
  return filter;
}

std::uint64_t number_of(const http_request& request, const std::string& name,
                        std::uint64_t otherwise, std::uint64_t most) {
  const auto given = request.query.find(name);
  if (given == request.query.end()) return otherwise;
  const auto& text = given->second;
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || number > most) {
    throw request_error(400,
                        "`" + name + "` must be a whole number from 0 to " + std::to_string(most));
  }
  return number;
}

std::unique_ptr<body_stream> stream_of(std::unique_ptr<event_viewer> viewer) {
  return std::make_unique<event_stream>(std::move(viewer));
}

} // namespace troupe::service
