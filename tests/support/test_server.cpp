#include "support/test_server.hpp"

// The library is compiled with these, and its types look different without them.
#define CPPHTTPLIB_OPENSSL_SUPPORT
#define CPPHTTPLIB_ZLIB_SUPPORT
#define CPPHTTPLIB_BROTLI_SUPPORT
#include <arpa/inet.h>
#include <fcntl.h>
#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <tuple>

namespace troupe::testing {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds patience(20);

void require(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(what);
}

/// A self-signed certificate and its key, in a directory that goes with it.
class certificate_files {
public:
  certificate_files() {
    std::string path = (fs::temp_directory_path() / "troupe-test-XXXXXX").string();
    require(::mkdtemp(path.data()) != nullptr, "no temporary directory");
    directory_ = path;
    const auto command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-days 2 -subj /CN=troupe-test -addext subjectAltName=IP:127.0.0.1 -keyout "
        + key() + " -out " + certificate() + " 2>/dev/null";
    require(std::system(command.c_str()) == 0, "openssl makes no certificate");
  }
  ~certificate_files() {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  certificate_files(const certificate_files&) = delete;
  certificate_files& operator=(const certificate_files&) = delete;

  std::string key() const { return (directory_ / "key.pem").string(); }
  std::string certificate() const { return (directory_ / "certificate.pem").string(); }

private:
  fs::path directory_;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Returns a bound socket and its port.
std::pair<int, int> bind_any() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(socket >= 0, "no socket");
  auto address = loopback(0);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  require(::bind(socket, raw, size) == 0, "no port");
  require(::getsockname(socket, raw, &size) == 0, "no port");
  return {socket, ntohs(address.sin_port)};
}

} // namespace

bool test_server::request::has_header(const std::string& name) const {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& each) {
    return ::strcasecmp(each.first.c_str(), name.c_str()) == 0;
  });
}

std::string test_server::request::header(const std::string& name) const {
  for (const auto& [key, content] : headers)
    if (::strcasecmp(key.c_str(), name.c_str()) == 0) return content;
  return {};
}

class test_server::service {
public:
  service(handler reply, bool encrypted) : reply_(std::move(reply)) {
    if (encrypted) {
      files_ = std::make_unique<certificate_files>();
      server_ = std::make_unique<httplib::SSLServer>(files_->certificate().c_str(),
                                                     files_->key().c_str());
    } else {
      server_ = std::make_unique<httplib::Server>();
    }
    server_->new_task_queue = [] { return new httplib::ThreadPool(8); };
    server_->set_tcp_nodelay(true);
    // A stop waits for idle connections.
    if (!encrypted) server_->set_keep_alive_max_count(1);
    else server_->set_keep_alive_timeout(1);
    const auto answer = [this](const httplib::Request& from, httplib::Response& to) {
      serve(from, to);
    };
    server_->Get(".*", answer);
    server_->Post(".*", answer);
    server_->Put(".*", answer);
    server_->Patch(".*", answer);
    server_->Delete(".*", answer);
    port = server_->bind_to_any_port("127.0.0.1");
    require(port > 0, "no port");
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::yield();
  }

  ~service() {
    server_->stop();
    thread_.join();
  }

  std::vector<request> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

  std::string certificate() const { return files_ ? files_->certificate() : std::string(); }
  bool encrypted() const { return files_ != nullptr; }

  int port = 0;

private:
  void serve(const httplib::Request& from, httplib::Response& to) {
    request seen{from.method, from.path, {}, {}, from.body};
    const auto mark = from.target.find('?');
    if (mark != std::string::npos) seen.query = from.target.substr(mark + 1);
    for (const auto& [name, content] : from.headers) seen.headers.emplace_back(name, content);
    {
      const std::lock_guard lock(mutex_);
      received_.push_back(seen);
    }
    const auto result = reply_(seen);
    to.status = result.status;
    for (const auto& [name, content] : result.headers) to.headers.emplace(name, content);
    to.set_content(result.body, result.type);
  }

  handler reply_;
  std::unique_ptr<certificate_files> files_;
  std::unique_ptr<httplib::Server> server_;
  mutable std::mutex mutex_;
  std::vector<request> received_;
  std::thread thread_;
};

test_server::test_server(handler reply, bool encrypted)
    : service_(std::make_unique<service>(std::move(reply), encrypted)) {}

test_server::~test_server() = default;

std::string test_server::url(const std::string& path) const {
  return (service_->encrypted() ? "https://127.0.0.1:" : "http://127.0.0.1:")
         + std::to_string(port()) + path;
}

int test_server::port() const {
  return service_->port;
}
std::vector<test_server::request> test_server::received() const {
  return service_->received();
}
std::string test_server::certificate() const {
  return service_->certificate();
}

class holding_server::service {
public:
  service() {
    std::tie(listener_, port) = bind_any();
    require(::listen(listener_, 4'096) == 0, "no listener");
    ::fcntl(listener_, F_SETFL, O_NONBLOCK);
    wakeup_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread_ = std::thread([this] { run(); });
  }

  ~service() {
    change([this] { stopping_ = true; });
    thread_.join();
    for (const auto& [socket, unused] : connections_) ::close(socket);
    ::close(listener_);
    ::close(wakeup_);
  }

  template <class Change>
  void change(const Change& apply) {
    {
      const std::lock_guard lock(mutex_);
      apply();
    }
    const std::uint64_t one = 1;
    require(::write(wakeup_, &one, sizeof(one)) == sizeof(one), "no wakeup");
  }

  template <class Fact>
  bool wait(const Fact& fact) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, fact);
  }

  int port = 0;
  std::string reply;    // what to send; nothing yet: empty
  bool hang_up = false; // close instead
  std::size_t requests = 0;
  std::string last_head;
  std::size_t open = 0;
  std::size_t accepted = 0;
  std::size_t most_held = 0;

private:
  struct connection {
    std::string received{};
    std::size_t held = 0;
  };

  void run() {
    std::vector<pollfd> polled;
    while (true) {
      polled.assign({{listener_, POLLIN, 0}, {wakeup_, POLLIN, 0}});
      for (const auto& [socket, unused] : connections_) polled.push_back({socket, POLLIN, 0});
      ::poll(polled.data(), polled.size(), -1);
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      std::uint64_t ignored = 0;
      if (polled[1].revents != 0 && ::read(wakeup_, &ignored, sizeof(ignored)) < 0) return;
      if (polled[0].revents != 0) accept_all();
      for (std::size_t i = 2; i < polled.size(); ++i)
        if (polled[i].revents != 0) receive(polled[i].fd);
      answer_all();
      open = connections_.size();
      changed_.notify_all();
    }
  }

  void accept_all() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      connections_[socket];
      ++accepted;
    }
  }

  void receive(int socket) {
    char bytes[4'096];
    const auto count = ::recv(socket, bytes, sizeof(bytes), 0);
    if (count <= 0) {
      ::close(socket);
      connections_.erase(socket);
      return;
    }
    auto& from = connections_[socket];
    from.received.append(bytes, static_cast<std::size_t>(count));
    while (true) { // requests without a body
      const auto end = from.received.find("\r\n\r\n");
      if (end == std::string::npos) return;
      last_head = from.received.substr(0, end + 2);
      from.received.erase(0, end + 4);
      ++from.held;
      ++requests;
    }
  }

  void answer_all() {
    std::size_t held = 0;
    for (auto each = connections_.begin(); each != connections_.end();) {
      auto& [socket, from] = *each;
      held += from.held;
      const bool last = from.held > 0 && hang_up;
      for (; from.held > 0 && !reply.empty(); --from.held)
        if (::send(socket, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) break;
      if (last) ::close(socket);
      each = last ? connections_.erase(each) : std::next(each);
    }
    most_held = std::max(most_held, held);
  }

  int listener_ = -1;
  int wakeup_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::map<int, connection> connections_;
  std::thread thread_;
};

holding_server::holding_server() : service_(std::make_unique<service>()) {}
holding_server::~holding_server() = default;

std::string holding_server::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(service_->port) + path;
}

bool holding_server::wait_for_requests(std::size_t count) {
  return service_->wait([&] { return service_->requests >= count; });
}

bool holding_server::wait_for_connections(std::size_t most) {
  return service_->wait([&] { return service_->open <= most; });
}

void holding_server::release(std::string bytes) {
  service_->change([&] { service_->reply = std::move(bytes); });
}

void holding_server::hang_up(std::string last_words) {
  service_->change([&] {
    service_->reply = std::move(last_words);
    service_->hang_up = true;
  });
}

std::size_t holding_server::most_held() const {
  std::size_t result = 0;
  service_->change([&] { result = service_->most_held; });
  return result;
}

std::string holding_server::last_head() const {
  std::string result;
  service_->change([&] { result = service_->last_head; });
  return result;
}

std::size_t holding_server::accepted() const {
  std::size_t result = 0;
  service_->change([&] { result = service_->accepted; });
  return result;
}

int free_port() {
  const auto [socket, port] = bind_any();
  ::close(socket);
  return port;
}

std::size_t thread_count() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
}

} // namespace troupe::testing
