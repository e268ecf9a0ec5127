#include "client_connection.hpp"

#include <troupe/service/endpoint.hpp>

#include <curl/curl.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace troupe::service {

namespace {

constexpr std::size_t most_bytes = std::size_t{512} << 20;
constexpr std::size_t most_idle = 8;
constexpr long silence_limit_s = 60; // streams show a sign of life more often

long milliseconds(duration length) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(length).count());
}

class header_list {
public:
  ~header_list() { curl_slist_free_all(list_); }
  header_list() = default;
  header_list(const header_list&) = delete;
  header_list& operator=(const header_list&) = delete;
  void add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  [[nodiscard]] curl_slist* get() const noexcept { return list_; }

private:
  curl_slist* list_ = nullptr;
};

bool is_local(const std::string& url) {
  auto rest = std::string_view(url).substr(url.find("://") + 3);
  const auto where = parse_endpoint(rest.substr(0, rest.find('/')));
  return where && is_loopback(*where);
}

} // namespace

failure problem(cluster_problem which, failure_kind kind, std::string message) {
  failure why{kind, std::move(message)};
  switch (which) {
  case cluster_problem::unreachable: why.step = "cluster: unreachable"; break;
  case cluster_problem::not_authorized: why.step = "cluster: not authorized"; break;
  case cluster_problem::not_found: why.step = "cluster: not found"; break;
  case cluster_problem::other: break;
  }
  return why;
}

/// One connection, and the call that is made on it.
class client_connection::handle {
public:
  handle() : curl_(curl_easy_init()) {}
  ~handle() { curl_easy_cleanup(curl_); }
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;

  outcome<client_reply> send(const client_connection& owner, const call& what) {
    if (!curl_) return failure{failure_kind::permanent, "there is no HTTP client"};
    reply_ = {};
    what_ = &what;
    header_list headers;
    set_up(owner, headers);
    std::array<char, CURL_ERROR_SIZE> message{};
    curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, message.data());
    const auto code = curl_easy_perform(curl_);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    curl_off_t wait = 0;
    curl_easy_getinfo(curl_, CURLINFO_RETRY_AFTER, &wait);
    reply_.status = static_cast<int>(status);
    if (wait > 0) reply_.retry_after = std::chrono::seconds(wait);
    curl_easy_reset(curl_);
    if (code == CURLE_OK || stopped_) return std::move(reply_);
    const std::string detail = message[0] ? message.data() : curl_easy_strerror(code);
    if (code == CURLE_WRITE_ERROR) {
      return failure{failure_kind::malformed, "the answer of " + owner.url() + " is too large"};
    }
    return problem(cluster_problem::unreachable, failure_kind::transient,
                   "cannot reach the cluster at " + owner.url() + ": " + detail);
  }

private:
  void set_up(const client_connection& owner, header_list& headers) {
    const auto& options = owner.options();
    stopped_ = false;
    const auto url = owner.url() + what_->target;
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_limit));
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    if (is_local(owner.url())) set(CURLOPT_NOPROXY, "*");
    if (what_->take) {
      set(CURLOPT_LOW_SPEED_LIMIT, 1L);
      set(CURLOPT_LOW_SPEED_TIME, silence_limit_s);
      headers.add("Accept: text/event-stream");
      if (!what_->last_event_id.empty()) headers.add("Last-Event-ID: " + what_->last_event_id);
    } else {
      set(CURLOPT_TIMEOUT_MS, milliseconds(options.limit));
      headers.add("Accept: application/json");
    }
    if (!options.token.empty()) headers.add("Authorization: Bearer " + options.token);
    if (what_->method == "POST") {
      static const std::string nothing;
      const auto& body = what_->body ? *what_->body : nothing;
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
      set(CURLOPT_POSTFIELDS, body.c_str());
      headers.add("Content-Type: application/json");
      headers.add("Expect:");
    }
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_WRITEFUNCTION, &handle::on_bytes);
    set(CURLOPT_WRITEDATA, this);
  }

  template <class Value>
  void set(CURLoption option, Value content) {
    curl_easy_setopt(curl_, option, content);
  }

  static std::size_t on_bytes(const char* bytes, std::size_t size, std::size_t count, void* self) {
    return static_cast<handle*>(self)->take(std::string_view(bytes, size * count));
  }

  std::size_t take(std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (what_->take && status == 200) {
      stopped_ = !what_->take(bytes);
      return stopped_ ? 0 : bytes.size();
    }
    if (reply_.body.size() + bytes.size() > most_bytes) return 0;
    reply_.body += bytes;
    return bytes.size();
  }

  CURL* curl_;
  const call* what_ = nullptr;
  client_reply reply_;
  bool stopped_ = false;
};

client_connection::client_connection(std::string url, cluster_options options)
    : url_(std::move(url)), options_(std::move(options)) {
  static const auto ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)ready;
}

client_connection::~client_connection() = default;

std::unique_ptr<client_connection::handle> client_connection::take_handle() {
  const std::scoped_lock lock(mutex_);
  if (idle_.empty()) return std::make_unique<handle>();
  auto taken = std::move(idle_.back());
  idle_.pop_back();
  return taken;
}

outcome<client_reply> client_connection::send(const call& what) {
  auto taken = take_handle();
  auto reply = taken->send(*this, what);
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < most_idle) idle_.push_back(std::move(taken));
  return reply;
}

std::string encoded(std::string_view text) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char letter : text) {
    if (plain.find(letter) != std::string_view::npos) {
      result += letter;
      continue;
    }
    const auto byte = static_cast<unsigned char>(letter);
    result += '%';
    result += digits[byte >> 4];
    result += digits[byte & 15];
  }
  return result;
}

} // namespace troupe::service
