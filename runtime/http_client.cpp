#include "http_client.hpp"

#include "http_queue.hpp"
#include "http_rules.hpp"

#include <curl/curl.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>

namespace troupe {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr long address_seconds = 60; // longer than the queue relies on it
constexpr std::size_t max_header_bytes = 256 * 1024;
constexpr auto bad_url = "the URL is malformed or neither http nor https";
constexpr auto max_connect_time = std::chrono::seconds(30);

template <auto close>
struct closer {
  void operator()(auto* handle) const { close(handle); }
};
using easy_handle = std::unique_ptr<CURL, closer<curl_easy_cleanup>>;
using multi_handle = std::unique_ptr<CURLM, closer<curl_multi_cleanup>>;
using header_list = std::unique_ptr<curl_slist, closer<curl_slist_free_all>>;
using url_handle = std::unique_ptr<CURLU, closer<curl_url_cleanup>>;

// Scheme, host and port: what decides whom we talk to. Nothing when the URL cannot be used.
std::optional<std::string> origin_of(const std::string& url) {
  const url_handle parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  std::string result;
  for (const auto part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
    result += lower_case(text) + ' ';
    curl_free(text);
  }
  if (!result.starts_with("http ") && !result.starts_with("https ")) return {};
  return result;
}

long to_milliseconds(duration length) {
  constexpr milliseconds most(2'000'000'000);
  if (length >= most) return static_cast<long>(most.count());
  return std::max(1L, static_cast<long>(std::chrono::ceil<milliseconds>(length).count()));
}

std::string reason_of(CURL* easy) {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  return std::generic_category().message(static_cast<int>(number));
}

} // namespace

class http_client::loop : public std::enable_shared_from_this<http_client::loop> {
public:
  explicit loop(http_client_options options)
      : options_(within_reach(options)),
        queue_({.max_active = options_.max_connections,
                .max_host_active = options_.max_host_connections}) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi_.reset(curl_multi_init());
    const auto most = static_cast<long>(options_.max_connections);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, most);
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_.get());
    if (!thread_.joinable()) return;
    if (thread_.get_id() == std::this_thread::get_id()) thread_.detach();
    else thread_.join();
  }

  std::uint64_t start(http_call call, done answer) {
    const auto id = next_id_.fetch_add(1);
    command order{id, std::make_unique<request>()};
    order.what->call = std::move(call);
    order.what->answer = std::move(answer);
    order.what->id = id;
    order.what->owner = this;
    order.what->deadline = later(clock::now(), order.what->call.limit);
    order.what->refused = open_.fetch_add(1) >= options_.max_queued + options_.max_connections;
    send(std::move(order));
    return id;
  }

  void cancel(std::uint64_t id) { send({id, nullptr}); }

  std::size_t in_flight() const noexcept { return open_.load(); }

private:
  struct request {
    http_call call;
    done answer;
    std::uint64_t id = 0;
    instant deadline{};
    bool refused = false;
    bool placed = false; // waiting or active
    loop* owner = nullptr;
    int redirects = 0;
    bool connected = false;
    std::string excess{}; // what is too large
    std::size_t header_bytes = 0;
    std::array<char, CURL_ERROR_SIZE> detail{};
    header_list sent_headers;
    easy_handle easy;
    http_reply reply;
  };

  // A request to start, or the id of one to cancel.
  struct command {
    std::uint64_t id;
    std::unique_ptr<request> what;
  };

  void send(command order);
  void run();
  std::vector<command> take(bool& stopping);
  void obey(std::vector<command> orders);
  void accept(std::unique_ptr<request> fresh);
  void enqueue(request& which, const std::string& origin);
  void admit();
  void begin(request& which);
  static void prepare(request& which);
  static void prepare_message(request& which);
  void release(request& which);
  void collect();
  void conclude(request& which, CURLcode code);
  bool follow(request& which);
  void expire();
  int wait_time() const;
  void finish(request& which, outcome<http_reply> result);
  static failure failure_of(const request& which, CURLcode code);
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* user);
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* user);
  static int on_socket(void* user, curl_socket_t socket, curlsocktype purpose);
  static int on_connected(void* user, char* to, char* from, int to_port, int from_port);

  static failure no(const request& which, failure_kind kind, const std::string& why);
  static failure late(const request& which);

  http_client_options options_;
  multi_handle multi_;
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<std::size_t> open_{0};

  std::mutex mutex_; // guards the three below
  std::vector<command> orders_;
  bool stopping_ = false;
  std::thread thread_;

  // The rest belongs to the thread.
  std::unordered_map<std::uint64_t, std::unique_ptr<request>> requests_;
  http_queue queue_;
};

void http_client::loop::send(command order) {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) {
      if (!order.what) return;
      thread_ = std::thread([self = shared_from_this()] { self->run(); });
    }
    orders_.push_back(std::move(order));
  }
  curl_multi_wakeup(multi_.get());
}

void http_client::loop::run() {
  // Signals belong to the program's own threads, and a TLS write to a closed connection would end
  // the process by SIGPIPE.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);

  bool stopping = false;
  int running = 0;
  while (true) {
    obey(take(stopping));
    if (stopping) break;
    admit();
    curl_multi_perform(multi_.get(), &running);
    collect();
    expire();
    admit();
    curl_multi_poll(multi_.get(), nullptr, 0, wait_time(), nullptr);
  }
  while (true) {
    while (!requests_.empty()) {
      auto& which = *requests_.begin()->second;
      finish(which, no(which, failure_kind::cancelled, "the client is closing"));
    }
    auto orders = take(stopping);
    if (orders.empty()) return;
    obey(std::move(orders));
  }
}

std::vector<http_client::loop::command> http_client::loop::take(bool& stopping) {
  const std::lock_guard lock(mutex_);
  stopping = stopping_;
  return std::exchange(orders_, {});
}

void http_client::loop::obey(std::vector<command> orders) {
  for (auto& order : orders) {
    if (order.what) {
      accept(std::move(order.what));
    } else if (const auto found = requests_.find(order.id); found != requests_.end()) {
      auto& which = *found->second;
      finish(which, no(which, failure_kind::cancelled, "cancelled"));
    }
  }
}

void http_client::loop::accept(std::unique_ptr<request> fresh) {
  auto& which = *fresh;
  requests_.emplace(which.id, std::move(fresh));
  if (which.refused) {
    finish(which, no(which, failure_kind::rejected, "too many requests are waiting"));
  } else if (const auto reason = refusal_of(which.call)) {
    finish(which, no(which, failure_kind::permanent, *reason));
  } else if (which.call.limit <= duration::zero()) {
    finish(which, late(which));
  } else if (const auto origin = origin_of(which.call.url)) {
    enqueue(which, *origin);
  } else {
    finish(which, no(which, failure_kind::permanent, bad_url));
  }
}

void http_client::loop::enqueue(request& which, const std::string& origin) {
  which.placed = true;
  queue_.wait(which.id, origin, which.deadline);
}

void http_client::loop::admit() {
  while (const auto id = queue_.next(clock::now())) begin(*requests_.at(*id));
}

void http_client::loop::begin(request& which) {
  which.easy.reset(curl_easy_init());
  prepare(which);
  prepare_message(which);
  curl_multi_add_handle(multi_.get(), which.easy.get());
}

void http_client::loop::prepare(request& which) {
  auto* easy = which.easy.get();
  const auto left = std::max(which.deadline - clock::now(), duration(1));
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &which);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, which.detail.data());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_URL, which.call.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  // Followed by hand: libcurl would send secret headers of other names on to another host.
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!which.call.ca_file.empty())
    curl_easy_setopt(easy, CURLOPT_CAINFO, which.call.ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, to_milliseconds(left));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   to_milliseconds(std::min<duration>(left, max_connect_time)));
  curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, address_seconds);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &loop::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &which);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &loop::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &which);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &loop::on_socket);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, &which);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &loop::on_connected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, &which);
}

void http_client::loop::prepare_message(request& which) {
  auto* easy = which.easy.get();
  const auto& call = which.call;
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "troupe");
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  if (call.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else {
    if (call.max_body > 0)
      curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(call.max_body));
    if (sends_body(call)) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(call.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }

  curl_slist* lines = nullptr;
  for (const auto& line : header_lines(call))
    if (auto* longer = curl_slist_append(lines, line.c_str())) lines = longer;
  which.sent_headers.reset(lines);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
}

std::size_t http_client::loop::on_body(char* bytes, std::size_t size, std::size_t count,
                                       void* user) {
  auto& which = *static_cast<request*>(user);
  const auto length = size * count;
  if (length > which.call.max_body - which.reply.body.size()) {
    which.excess = too_large("body", which.call.max_body);
    return 0;
  }
  which.reply.body.append(bytes, length);
  return length;
}

std::size_t http_client::loop::on_header(char* bytes, std::size_t size, std::size_t count,
                                         void* user) {
  auto& which = *static_cast<request*>(user);
  const std::string_view line(bytes, size * count);
  which.header_bytes += line.size();
  if (which.header_bytes > max_header_bytes) {
    which.excess = too_large("headers", max_header_bytes);
    return 0;
  }
  take_header_line(line, which.reply.headers);
  return line.size();
}

int http_client::loop::on_socket(void* user, curl_socket_t, curlsocktype) {
  auto& which = *static_cast<request*>(user);
  which.owner->queue_.resolved(which.id, true, clock::now());
  return CURL_SOCKOPT_OK;
}

int http_client::loop::on_connected(void* user, char*, char*, int, int) {
  auto& which = *static_cast<request*>(user);
  which.connected = true;
  which.owner->queue_.resolved(which.id, false, clock::now());
  return CURL_PREREQFUNC_OK;
}

void http_client::loop::collect() {
  int left = 0;
  while (const auto* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const auto code = message->data.result;
    char* user = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
    conclude(*reinterpret_cast<request*>(user), code);
  }
}

void http_client::loop::conclude(request& which, CURLcode code) {
  if (code == CURLE_COULDNT_RESOLVE_HOST) {
    // One answer for all who wait for it: lookups that fail take long, and few run at a time.
    for (const auto id : queue_.waiting_with(which.id)) {
      auto& other = *requests_.at(id);
      finish(other, failure_of(other, code));
    }
  }
  if (code != CURLE_OK) return finish(which, failure_of(which, code));
  long status = 0;
  curl_easy_getinfo(which.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  which.reply.status = static_cast<int>(status);
  if (which.call.follow_redirects > 0 && follow(which)) return;
  finish(which, std::move(which.reply));
}

// Returns false when this reply is the last one.
bool http_client::loop::follow(request& which) {
  auto& call = which.call;
  const auto status = which.reply.status;
  char* target = nullptr;
  curl_easy_getinfo(which.easy.get(), CURLINFO_REDIRECT_URL, &target);
  const bool moved = (status >= 301 && status <= 303) || status == 307 || status == 308;
  if (!moved || !target) return false;
  if (which.redirects == call.follow_redirects) {
    finish(which, no(which, failure_kind::permanent, too_often(call.follow_redirects)));
    return true;
  }
  const auto origin = origin_of(target);
  redirect(call, status, target, origin != origin_of(call.url));
  if (!origin) {
    finish(which, no(which, failure_kind::permanent,
                     std::string("is where a redirect leads, but ") + bad_url));
    return true;
  }
  release(which);
  ++which.redirects;
  which.reply = {};
  which.header_bytes = 0;
  which.connected = false;
  enqueue(which, *origin);
  return true;
}

// Gives back the place and the connection.
void http_client::loop::release(request& which) {
  if (which.easy) curl_multi_remove_handle(multi_.get(), which.easy.get());
  which.easy.reset();
  if (which.placed) queue_.leave(which.id);
  which.placed = false;
}

void http_client::loop::expire() {
  while (const auto id = queue_.overdue(clock::now())) {
    auto& which = *requests_.at(*id);
    finish(which, late(which));
  }
}

int http_client::loop::wait_time() const {
  constexpr milliseconds most(60'000);
  const auto left = std::chrono::ceil<milliseconds>(queue_.first_deadline() - clock::now());
  return static_cast<int>(std::clamp(left, milliseconds(0), most).count());
}

void http_client::loop::finish(request& which, outcome<http_reply> result) {
  const auto kept = requests_.extract(which.id);
  release(which);
  open_.fetch_sub(1);
  which.answer(std::move(result));
}

failure http_client::loop::no(const request& which, failure_kind kind, const std::string& why) {
  return failure_about(which.call, kind, why);
}

failure http_client::loop::late(const request& which) {
  return no(which, failure_kind::timed_out, "no answer within " + to_string(which.call.limit));
}

failure http_client::loop::failure_of(const request& which, CURLcode code) {
  using enum failure_kind;
  if (!which.excess.empty()) return no(which, permanent, which.excess);
  switch (code) {
  case CURLE_OPERATION_TIMEDOUT:
    if (which.connected || which.deadline <= clock::now() + milliseconds(1)) return late(which);
    return no(which, timed_out, "no connection within " + to_string(duration(max_connect_time)));
  case CURLE_FILESIZE_EXCEEDED: return no(which, permanent, too_large("body", which.call.max_body));
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY: return no(which, transient, "could not resolve the host name");
  case CURLE_COULDNT_CONNECT:
    return no(which, transient, "could not connect: " + reason_of(which.easy.get()));
  case CURLE_GOT_NOTHING:
    return no(which, transient, "the server closed the connection without an answer");
  case CURLE_PARTIAL_FILE:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR: return no(which, transient, "the connection broke");
  case CURLE_PEER_FAILED_VERIFICATION:
    return no(which, permanent,
              std::string("the server's certificate does not verify: ") + which.detail.data());
  case CURLE_SSL_CACERT_BADFILE:
    return no(which, permanent, "the CA file " + which.call.ca_file + " cannot be read");
  case CURLE_URL_MALFORMAT: return no(which, permanent, "the URL is malformed");
  case CURLE_UNSUPPORTED_PROTOCOL: // the URL was checked: this is about the answer
  case CURLE_WEIRD_SERVER_REPLY: return no(which, malformed, "the answer is no HTTP");
  case CURLE_BAD_CONTENT_ENCODING:
    return no(which, malformed, "the body does not decode as its Content-Encoding says");
  default: return no(which, transient, curl_easy_strerror(code));
  }
}

http_client::http_client(http_client_options options) : loop_(std::make_shared<loop>(options)) {}

http_client::~http_client() {
  loop_->stop();
}

std::uint64_t http_client::start(http_call call, done answer) {
  return loop_->start(std::move(call), std::move(answer));
}

void http_client::cancel(std::uint64_t id) {
  loop_->cancel(id);
}

std::size_t http_client::in_flight() const noexcept {
  return loop_->in_flight();
}

} // namespace troupe
