#include "stage_reader.hpp"

#include <troupe/policies/bulkhead.hpp>
#include <troupe/policies/rate_limit.hpp>
#include <troupe/policies/retry.hpp>
#include <troupe/policies/timeout.hpp>
#include <troupe/protocol/json.hpp>
#include <troupe/runtime/redis_cache.hpp>

#include <array>
#include <charconv>
#include <cmath>

namespace troupe {

namespace {

const yaml_node& empty_map() {
  static const yaml_node node = [] {
    yaml_node map;
    map.kind = yaml_node::shape::map;
    return map;
  }();
  return node;
}

// Options that were left out altogether are an empty map.
const yaml_node& options_of_policy(const yaml_node& node) {
  const auto left_out = node.kind == yaml_node::shape::scalar && node.scalar.is_null();
  return left_out ? empty_map() : node;
}

bool is_true(const value& answer, const expression& from) {
  if (const auto* holds = answer.if_bool()) return *holds;
  throw step_error(failure_kind::permanent, "expression `" + from.source()
                                                + "` must give true or false; it gave "
                                                + write_json(answer).substr(0, 100));
}

template <class T>
void assign(T& member, std::optional<T> read) {
  if (read) member = *std::move(read);
}

struct rate_text {
  double rate;
  duration per;
};

// `10/s`, `0.5/m`, `100/h`
std::optional<rate_text> parse_rate(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  double rate = 0;
  const auto* end = text.data() + slash;
  const auto read = std::from_chars(text.data(), end, rate);
  if (read.ec != std::errc() || read.ptr != end || !std::isfinite(rate)) return std::nullopt;
  const auto unit = text.substr(slash + 1);
  if (unit == "s") return rate_text{rate, std::chrono::seconds(1)};
  if (unit == "m") return rate_text{rate, std::chrono::minutes(1)};
  if (unit == "h") return rate_text{rate, std::chrono::hours(1)};
  return std::nullopt;
}

} // namespace

behavior<bool(const failure&, std::uint32_t)>
stage_reader::read_failure_test(const yaml_node& node, std::string_view what) {
  static constexpr std::array<std::string_view, 2> variables{"failure", "attempt"};
  const auto made = file_.compile(node, what, variables);
  if (!made) return {};
  return {
      [made = *made](const failure& why, std::uint32_t attempt) {
        const auto about = value::map({{"kind", to_string(why.kind)}, {"message", why.message}});
        const value number(attempt);
        const auto answer = made.evaluate(std::array<expression_variable, 2>{about, number});
        if (!answer) throw step_error(answer.why());
        return is_true(*answer, made);
      },
      "cel:" + made->source()};
}

std::optional<state_scope> stage_reader::read_scope(const yaml_node& node) {
  const auto word = file_.word(node, "scope", {"local", "cluster"});
  if (!word) return std::nullopt;
  return *word == "cluster" ? state_scope::cluster : state_scope::local;
}

std::optional<retry> stage_reader::read_retry(const yaml_node& given) {
  const auto& node = options_of_policy(given);
  if (!file_.is_map(node, "retry")) return std::nullopt;
  file_.check_keys(node, "`retry`",
                   {"max_retries", "initial_delay", "multiplier", "max_delay", "backoff", "jitter",
                    "max_elapsed", "retry_if", "budget"});
  retry options;
  for (const auto& [key, at, content] : node.members) {
    if (key == "max_retries") assign(options.max_retries, file_.small_integer(content, key));
    if (key == "initial_delay") assign(options.initial_delay, file_.length(content, key));
    if (key == "multiplier") assign(options.multiplier, file_.number(content, key));
    if (key == "max_delay") assign(options.max_delay, file_.length(content, key));
    if (key == "max_elapsed") options.max_elapsed = file_.length(content, key);
    if (key == "budget") assign(options.budget, file_.number(content, key));
    if (key == "retry_if") options.retry_if = read_failure_test(content, key);
    if (key == "backoff") {
      const auto word = file_.word(content, key, {"constant", "linear", "exponential"});
      if (word) {
        options.backoff = *word == "constant" ? backoff_strategy::constant
                          : *word == "linear" ? backoff_strategy::linear
                                              : backoff_strategy::exponential;
      }
    }
    if (key == "jitter") {
      const auto word = file_.word(content, key, {"none", "full", "equal"});
      if (word) {
        options.jitter = *word == "none"   ? jitter_mode::none
                         : *word == "full" ? jitter_mode::full
                                           : jitter_mode::equal;
      }
    }
  }
  file_.check_options(options, node, "retry");
  return options;
}

std::optional<timeout> stage_reader::read_timeout(const yaml_node& node) {
  timeout options;
  const yaml_node* after = &node;
  if (node.kind == yaml_node::shape::map) {
    file_.check_keys(node, "`timeout`", {"after"});
    const auto* member = node.find("after");
    if (!member) {
      file_.error(node.at, "missing-key", "`timeout` needs `after`, a duration such as 30s");
      return std::nullopt;
    }
    after = &member->content;
  }
  const auto limit = file_.length(*after, after == &node ? "timeout" : "after");
  if (!limit) return std::nullopt;
  options.after = *limit;
  const auto errors_before = file_.errors();
  std::vector<plan_issue> issues;
  option_check report("", "", issues);
  troupe_check(options, report);
  for (const auto& issue : issues) {
    file_.error(after->at, "bad-value", "`timeout` " + issue.message);
  }
  return file_.errors() == errors_before ? std::optional(options) : std::nullopt;
}

void stage_reader::read_breaker_options(const yaml_node& node, breaker& options) {
  file_.check_keys(node, "`breaker`",
                   {"failure_threshold", "success_threshold", "wait", "wait_growth", "max_wait",
                    "failure_rate", "window", "minimum_calls", "slow_call_duration",
                    "slow_call_rate", "failure_if", "scope"});
  for (const auto& [key, at, content] : node.members) {
    if (key == "failure_threshold")
      assign(options.failure_threshold, file_.small_integer(content, key));
    if (key == "success_threshold")
      assign(options.success_threshold, file_.small_integer(content, key));
    if (key == "wait") assign(options.wait, file_.length(content, key));
    if (key == "wait_growth") assign(options.wait_growth, file_.number(content, key));
    if (key == "max_wait") assign(options.max_wait, file_.length(content, key));
    if (key == "failure_rate") options.failure_rate = file_.number(content, key);
    if (key == "minimum_calls") assign(options.minimum_calls, file_.small_integer(content, key));
    if (key == "slow_call_duration") options.slow_call_duration = file_.length(content, key);
    if (key == "slow_call_rate") assign(options.slow_call_rate, file_.number(content, key));
    if (key == "failure_if") options.failure_if = read_failure_test(content, key);
    if (key == "scope") assign(options.scope, read_scope(content));
    if (key == "window") {
      // So many calls, or so long back.
      if (content.scalar.is_text()) options.window_time = file_.length(content, key);
      else assign(options.window, file_.small_integer(content, key));
    }
  }
  // A smaller window makes the default of the calls it needs smaller too.
  if (!node.find("minimum_calls"))
    options.minimum_calls = std::min(options.minimum_calls, std::max(options.window, 1));
  file_.check_options(options, node, "breaker");
}

void stage_reader::read_breakers(const yaml_node& node) {
  if (!file_.is_map(node, "breakers")) return;
  file_.check_names(node, "a breaker");
  for (const auto& [name, at, content] : node.members) {
    breaker options;
    options.name = name;
    const auto& given = options_of_policy(content);
    if (file_.is_map(given, name)) read_breaker_options(given, options);
    breakers_.emplace(name, std::move(options));
  }
}

template <class T>
const T* stage_reader::declared(const std::map<std::string, T>& all, const std::string& name,
                                text_position at, std::string_view kind) {
  const auto found = all.find(name);
  if (found != all.end()) return &found->second;
  std::vector<std::string> known;
  for (const auto& [each, options] : all) known.push_back(each);
  file_.error(at, "undeclared",
              "there is no " + std::string(kind) + " `" + name + "` under `" + std::string(kind)
                  + "s:`" + near_miss(name, known));
  return nullptr;
}

std::optional<breaker> stage_reader::read_breaker(const yaml_node& given) {
  if (const auto* name = given.scalar.if_text()) {
    const auto* shared = declared(breakers_, *name, given.at, "breaker");
    return shared ? std::optional(*shared) : std::nullopt;
  }
  const auto& node = options_of_policy(given);
  if (!file_.is_map(node, "breaker")) return std::nullopt;
  breaker options;
  read_breaker_options(node, options);
  return options;
}

void stage_reader::read_backend(const yaml_node& node, cache& options) {
  const auto where = file_.text(node, "backend");
  if (!where || *where == "memory") return;
  // The text is not repeated: it may hold a password.
  if (const auto why = check_redis_url(*where))
    file_.error(node.at, "bad-value", "`backend` must be memory, or it " + why->message);
  else options.backend = redis_cache(*where);
}

void stage_reader::read_cache_options(const yaml_node& node, cache& options) {
  static constexpr std::array<std::string_view, 2> variables{"input", "context"};
  for (const auto& [key, at, content] : node.members) {
    if (key == "ttl") options.ttl = file_.length(content, key);
    if (key == "max_size" || key == "max_bytes") {
      const auto number = file_.integer(content, key);
      if (number && *number < 1) {
        file_.error(content.at, "bad-value",
                    "`" + key + "` is " + std::to_string(*number) + "; it must be at least 1");
      } else if (number) {
        (key == "max_size" ? options.max_size : options.max_bytes) =
            static_cast<std::size_t>(*number);
      }
    }
    if (key == "refresh_after") options.refresh_after = file_.length(content, key);
    if (key == "stale_if_error") options.stale_if_error = file_.length(content, key);
    if (key == "negative_ttl") options.negative_ttl = file_.length(content, key);
    if (key == "store_fallbacks") assign(options.store_fallbacks, file_.boolean(content, key));
    if (key == "scope") assign(options.scope, read_scope(content));
    if (key == "backend") read_backend(content, options);
    if (key == "key") {
      if (const auto made = file_.compile(content, key, variables)) {
        options.key = {
            [made = *made](const value& input, const context& ctx) {
              const auto chosen = made.evaluate(std::array<expression_variable, 2>{input, ctx});
              if (!chosen) throw step_error(chosen.why());
              return *chosen;
            },
            "cel:" + made->source()};
      }
    }
  }
  file_.check_options(options, node, "cache");
}

void stage_reader::read_caches(const yaml_node& node) {
  if (!file_.is_map(node, "caches")) return;
  file_.check_names(node, "a cache");
  for (const auto& [name, at, content] : node.members) {
    cache options;
    options.name = name;
    options.ttl = std::nullopt;
    const auto& given = options_of_policy(content);
    if (file_.is_map(given, name)) {
      file_.check_keys(given, "`caches`",
                       {"ttl", "max_size", "max_bytes", "backend", "refresh_after",
                        "stale_if_error", "negative_ttl", "store_fallbacks", "key", "scope"});
      read_cache_options(given, options);
    }
    caches_.emplace(name, std::move(options));
  }
}

std::optional<cache> stage_reader::read_cache(const yaml_node& given) {
  if (const auto* name = given.scalar.if_text()) {
    const auto* shared = declared(caches_, *name, given.at, "cache");
    return shared ? std::optional(*shared) : std::nullopt;
  }
  const auto& node = options_of_policy(given);
  if (!file_.is_map(node, "cache")) return std::nullopt;
  cache options;
  options.ttl = std::nullopt;
  const auto* in = node.find("in");
  std::vector<std::string> known{
      "in", "key", "refresh_after", "stale_if_error", "negative_ttl", "store_fallbacks"};
  if (in) {
    for (const auto* key : {"ttl", "max_size", "max_bytes", "backend", "scope"}) {
      known.emplace_back(key); // told apart from unknown ones below
      if (const auto* member = node.find(key)) {
        file_.error(member->key_at, "misplaced-key",
                    "`" + std::string(key) + "` is decided where the cache is declared, under "
                        + "`caches:`");
      }
    }
    const auto name = file_.text(in->content, "in");
    const auto* shared = name ? declared(caches_, *name, in->content.at, "cache") : nullptr;
    if (!shared) return std::nullopt;
    options = *shared;
  } else {
    known.insert(known.end(), {"ttl", "max_size", "max_bytes", "backend", "scope"});
  }
  file_.check_keys(node, "`cache`", std::move(known));
  read_cache_options(node, options);
  return options;
}

std::optional<bulkhead> stage_reader::read_bulkhead(const yaml_node& given) {
  const auto& node = options_of_policy(given);
  if (!file_.is_map(node, "bulkhead")) return std::nullopt;
  file_.check_keys(node, "`bulkhead`", {"max_in_flight", "max_queue", "max_wait"});
  bulkhead options;
  for (const auto& [key, at, content] : node.members) {
    if (key == "max_in_flight") assign(options.max_in_flight, file_.small_integer(content, key));
    if (key == "max_queue") assign(options.max_queue, file_.small_integer(content, key));
    if (key == "max_wait") options.max_wait = file_.length(content, key);
  }
  file_.check_options(options, node, "bulkhead");
  return options;
}

std::optional<rate_limit> stage_reader::read_rate_limit(const yaml_node& given) {
  const auto& node = options_of_policy(given);
  if (!file_.is_map(node, "rate_limit")) return std::nullopt;
  file_.check_keys(node, "`rate_limit`", {"name", "rate", "burst", "max_wait", "scope"});
  rate_limit options;
  if (!node.find("rate")) {
    file_.error(given.at, "missing-key", "`rate_limit` needs `rate`, such as 10/s, 100/m or 50/h");
    return std::nullopt;
  }
  for (const auto& [key, at, content] : node.members) {
    if (key == "name") {
      const auto name = file_.text(content, key);
      if (name && name->empty()) file_.error(content.at, "bad-value", "`name` is empty");
      else assign(options.name, name);
    }
    if (key == "burst") assign(options.burst, file_.small_integer(content, key));
    if (key == "max_wait") assign(options.max_wait, file_.length(content, key));
    if (key == "scope") assign(options.scope, read_scope(content));
    if (key != "rate") continue;
    const auto text = file_.text(content, key);
    const auto read = text ? parse_rate(*text) : std::nullopt;
    if (read) {
      options.rate = read->rate;
      options.per = read->per;
    } else if (text) {
      file_.error(content.at, "bad-value",
                  "`rate` is \"" + *text + "\"; it must be such as 10/s, 100/m or 50/h");
    }
  }
  file_.check_options(options, node, "rate_limit");
  return options;
}

} // namespace troupe
