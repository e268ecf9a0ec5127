#include "http_session.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace troupe::service {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

std::optional<asio::ssl::context> context_of(const tls_files& files) {
  if (!files.given()) return std::nullopt;
  asio::ssl::context context(asio::ssl::context::tls_server);
  context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  error_code error;
  context.use_certificate_chain_file(files.certificate, error);
  if (error) {
    throw std::runtime_error("cannot use the certificate `" + files.certificate
                             + "`: " + error.message());
  }
  context.use_private_key_file(files.key, asio::ssl::context::pem, error);
  if (error) throw std::runtime_error("cannot use the key `" + files.key + "`: " + error.message());
  return context;
}

} // namespace

class http_server::implementation : public std::enable_shared_from_this<implementation> {
public:
  implementation(http_server_options options, http_service service)
      : where_(options.where), tls_(context_of(options.tls)), acceptor_(io_), pause_(io_),
        house_(std::make_shared<http_house>(
            std::max<std::size_t>(options.limits.handler_threads, 1))) {
    house_->limits = options.limits;
    house_->service = std::move(service);
    listen();
  }

  void start() {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  [[nodiscard]] endpoint address() const { return where_; }
  [[nodiscard]] const http_counters& counters() const noexcept { return house_->counters; }

  void shut_down() {
    const std::scoped_lock once(ending_);
    if (!thread_.joinable()) return;
    on_io([this] {
      house_->closing = true;
      error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      for_each_session([](http_session& each) { each.leave(); });
    });
    house_->handlers.join();
    std::promise<void> empty;
    auto emptied = empty.get_future();
    on_io([&] {
      if (house_->sessions.empty()) return empty.set_value();
      house_->on_empty = [&empty] { empty.set_value(); };
    });
    if (emptied.wait_for(house_->limits.leave_time) != std::future_status::ready) {
      on_io([this] { for_each_session([](http_session& each) { each.close(); }); });
      emptied.wait();
    }
    on_io([this] { house_->on_empty = nullptr; });
    work_.reset();
    thread_.join();
  }

private:
  void listen() {
    error_code error;
    const auto fail = [&](const error_code& why) {
      throw std::runtime_error("cannot listen on " + to_string(where_) + ": " + why.message());
    };
    tcp::resolver resolver(io_);
    const auto found =
        resolver.resolve(where_.host, std::to_string(where_.port), tcp::resolver::passive, error);
    if (error || found.empty()) fail(error);
    const tcp::endpoint at = found.begin()->endpoint();
    if (acceptor_.open(at.protocol(), error)) fail(error);
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (acceptor_.bind(at, error)) fail(error);
    if (acceptor_.listen(tcp::acceptor::max_listen_connections, error)) fail(error);
    where_.port = acceptor_.local_endpoint().port();
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (house_->closing || error == asio::error::operation_aborted) return;
      if (!error) welcome(std::move(socket));
      if (error != asio::error::no_descriptors) return accept();
      // Somebody has to close something first.
      pause_.expires_after(std::chrono::milliseconds(100));
      pause_.async_wait([this](error_code stopped) {
        if (!stopped) accept();
      });
    });
  }

  void welcome(tcp::socket socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto& limits = house_->limits;
    if (limits.send_buffer_bytes > 0) {
      socket.set_option(
          asio::socket_base::send_buffer_size(static_cast<int>(limits.send_buffer_bytes)), ignored);
    }
    if (house_->sessions.size() < limits.max_connections) {
      return start_session(std::move(socket), tls_ ? &*tls_ : nullptr, house_);
    }
    ++house_->counters.refused;
    if (tls_) return;
    const auto refused = house_->service.refuse(503, "too many connections: try again later");
    const auto text = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                      "Retry-After: 1\r\nConnection: close\r\nContent-Length: "
                      + std::to_string(refused.body.size()) + "\r\n\r\n" + refused.body;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(text), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  // Does it on the thread of connections, and waits.
  template <class Do>
  void on_io(Do&& what) {
    std::promise<void> done;
    asio::post(io_, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  // A session may end while it is asked to.
  template <class Do>
  void for_each_session(Do&& what) {
    const std::vector<http_session*> all(house_->sessions.begin(), house_->sessions.end());
    for (auto* each : all) {
      if (house_->sessions.contains(each)) what(*each);
    }
  }

  endpoint where_;
  std::optional<asio::ssl::context> tls_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::shared_ptr<http_house> house_;
  std::mutex ending_;
  std::thread thread_;
};

http_server::http_server(http_server_options options, http_service service)
    : implementation_(std::make_shared<implementation>(std::move(options), std::move(service))) {
  implementation_->start();
}

http_server::~http_server() {
  implementation_->shut_down();
}

endpoint http_server::address() const {
  return implementation_->address();
}

const http_counters& http_server::counters() const noexcept {
  return implementation_->counters();
}

void http_server::shut_down() {
  implementation_->shut_down();
}

} // namespace troupe::service
