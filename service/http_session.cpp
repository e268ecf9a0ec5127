#include "http_session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <array>
#include <cstdio>
#include <optional>
#include <type_traits>

namespace troupe::service {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

using plain_stream = beast::tcp_stream;
using tls_stream = asio::ssl::stream<beast::tcp_stream>;

constexpr std::size_t most_discarded = 1U << 20;

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

int status_of(const error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

std::string message_of(int status) {
  if (status == 431) return "the head of the request is too large";
  if (status == 413) return "the body of the request is too large";
  return "this is no HTTP request";
}

// A piece of a body of unknown length (RFC 9112, 7.1).
std::string chunk_of(std::string_view content) {
  if (content.empty()) return {};
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", content.size());
  return size.data() + std::string(content) + "\r\n";
}

template <class Stream>
class session final : public http_session, public std::enable_shared_from_this<session<Stream>> {
public:
  template <class... Args>
  session(std::shared_ptr<http_house> house, Args&&... args)
      : house_(std::move(house)), stream_(std::forward<Args>(args)...),
        ping_(stream_.get_executor()) {
    house_->sessions.insert(this);
    ++house_->counters.connections;
  }

  ~session() override {
    if (viewing_) --house_->counters.viewers;
    house_->sessions.erase(this);
    --house_->counters.connections;
    if (house_->sessions.empty() && house_->on_empty) house_->on_empty();
  }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void start() {
    if constexpr (is_tls) {
      lowest().expires_after(house_->limits.header_time);
      stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](error_code error) {
        if (error) return self->refuse_silently();
        self->read_head(self->house_->limits.header_time);
      });
    } else {
      read_head(house_->limits.header_time);
    }
  }

  void leave() override {
    leaving_ = true;
    if (waiting_for_head_) return close();
    pump();
  }

  void close() override {
    ping_.cancel();
    lowest().close();
  }

private:
  static constexpr bool is_tls = std::is_same_v<Stream, tls_stream>;

  auto self() { return this->shared_from_this(); }
  auto& lowest() { return beast::get_lowest_layer(stream_); }

  void refuse_silently() {
    ++house_->counters.refused;
    close();
  }

  void read_head(duration limit) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(house_->limits.max_header_bytes));
    parser_->body_limit(house_->limits.max_body_bytes);
    waiting_for_head_ = true;
    lowest().expires_after(limit);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = self()](error_code error, std::size_t) {
                              self->waiting_for_head_ = false;
                              self->on_head(error);
                            });
  }

  void on_head(const error_code& error) {
    if (error == http::error::end_of_stream || error == asio::error::operation_aborted
        || error == asio::error::connection_reset || error == asio::ssl::error::stream_truncated) {
      return close();
    }
    if (error == beast::error::timeout) {
      if (buffer_.size() > 0) ++house_->counters.refused;
      return close();
    }
    if (error) return refuse(error);
    const auto& head = parser_->get();
    request_ = {};
    request_.method = text_of(head.method_string());
    request_.host = text_of(head[http::field::host]);
    request_.origin = text_of(head[http::field::origin]);
    request_.authorization = text_of(head[http::field::authorization]);
    request_.accept = text_of(head[http::field::accept]);
    request_.content_type = text_of(head[http::field::content_type]);
    request_.last_event_id = text_of(head["Last-Event-ID"]);
    keep_alive_ = head.keep_alive() && !leaving_;
    ++house_->counters.requests;
    if (!read_target({head.target().data(), head.target().size()}, request_)) {
      return refuse(400, "the target of the request cannot be read");
    }
    if (auto refused = house_->service.admit(request_)) {
      // What follows was never read: the connection cannot be used any more.
      if (!parser_->is_done()) keep_alive_ = false;
      return respond(*std::move(refused));
    }
    if (head[http::field::expect] == "100-continue" && !parser_->is_done()) return invite();
    read_body();
  }

  void invite() {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    lowest().expires_after(house_->limits.write_time);
    asio::async_write(stream_, asio::buffer(go_on.data(), go_on.size()),
                      [self = self()](error_code error, std::size_t) {
                        if (error) return self->close();
                        self->read_body();
                      });
  }

  void read_body() {
    lowest().expires_after(house_->limits.body_time);
    http::async_read(stream_, buffer_, *parser_, [self = self()](error_code error, std::size_t) {
      if (error == beast::error::timeout) return self->refuse_silently();
      if (error == http::error::partial_message || error == asio::error::connection_reset) {
        return self->close();
      }
      if (error) return self->refuse(error);
      self->request_.body = std::move(self->parser_->get().body());
      self->handle();
    });
  }

  void handle() {
    // Nobody is left who would do it, and who is to shut down waits for us.
    if (house_->closing) {
      return respond(house_->service.refuse(503, "the server is shutting down"));
    }
    lowest().expires_never();
    asio::post(house_->handlers, [self = self()]() mutable {
      http_response made;
      try {
        made = self->house_->service.answer(self->request_);
      } catch (const std::exception& error) {
        made = self->house_->service.refuse(500, error.what());
      }
      auto kept = std::make_shared<http_response>(std::move(made));
      auto& here = *self;
      // The session must end on the thread of connections.
      asio::post(here.stream_.get_executor(), [self = std::move(self), kept = std::move(kept)] {
        self->respond(std::move(*kept));
      });
    });
  }

  void refuse(const error_code& error) {
    const auto status = status_of(error);
    refuse(status, message_of(status));
  }

  void refuse(int status, const std::string& message) {
    ++house_->counters.refused;
    keep_alive_ = false;
    respond(house_->service.refuse(status, message));
  }

  void respond(http_response made) {
    if (leaving_) keep_alive_ = false;
    auto response = std::make_shared<http::response<http::string_body>>();
    response->version(11);
    response->result(static_cast<unsigned>(made.status));
    response->set(http::field::content_type, made.type);
    response->set("X-Content-Type-Options", "nosniff");
    response->set(http::field::cache_control, "no-store");
    for (const auto& [name, content] : made.headers) response->set(name, content);
    if (made.stream) return open_stream(std::move(made.stream), *response);
    response->keep_alive(keep_alive_);
    response->body() = std::move(made.body);
    response->prepare_payload();
    if (request_.method == "HEAD") response->body().clear();
    lowest().expires_after(house_->limits.write_time);
    http::async_write(stream_, *response, [self = self(), response](error_code error, std::size_t) {
      if (error) return self->close();
      if (self->keep_alive_ && !self->leaving_) {
        return self->read_head(self->house_->limits.idle_time);
      }
      self->finish();
    });
  }

  // Reads on for a while: a close with unread bytes would take back the last response. Of a viewer
  // everything has been read.
  void finish() {
    ping_.cancel();
    source_.reset();
    if (discarding_) return close();
    lowest().expires_after(std::chrono::seconds(1));
    if constexpr (is_tls) {
      stream_.async_shutdown([self = self()](error_code) { self->close(); });
    } else {
      error_code ignored;
      lowest().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
      discard();
    }
  }

  void discard() {
    discarding_ = true;
    stream_.async_read_some(asio::buffer(waste_), [self = self()](error_code error, std::size_t n) {
      self->discarded_ += n;
      if (error || self->discarded_ > most_discarded) return self->close();
      self->discard();
    });
  }

  void open_stream(std::unique_ptr<body_stream> source,
                   const http::response<http::string_body>& head) {
    source_ = std::move(source);
    keep_alive_ = false;
    viewing_ = true;
    ++house_->counters.viewers;
    piece_ = "HTTP/1.1 200 OK\r\n";
    for (const auto& field : head) {
      piece_ += text_of(field.name_string()) + ": " + text_of(field.value()) + "\r\n";
    }
    piece_ += "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    // Notices a viewer that goes away; set first, so that later limits are for writing only.
    lowest().expires_never();
    discard();
    std::weak_ptr<session> weak = self();
    source_->on_ready([weak, executor = stream_.get_executor()] {
      asio::post(executor, [weak] {
        if (const auto alive = weak.lock()) alive->pump();
      });
    });
    write_piece();
  }

  void pump() {
    if (writing_ || !source_) return;
    if (!more_) return finish();
    std::string content;
    more_ = source_->next(content) && !leaving_;
    piece_ = chunk_of(content);
    if (!more_) piece_ += "0\r\n\r\n";
    if (!piece_.empty()) return write_piece();
    ping_.expires_after(house_->limits.ping_time);
    ping_.async_wait([weak = std::weak_ptr<session>(self())](error_code error) {
      const auto alive = weak.lock();
      if (error || !alive || alive->writing_ || !alive->source_) return;
      alive->piece_ = chunk_of(": still here\n\n");
      alive->write_piece();
    });
  }

  void write_piece() {
    writing_ = true;
    ping_.cancel();
    lowest().expires_after(house_->limits.write_time);
    asio::async_write(stream_, asio::buffer(piece_),
                      [self = self()](error_code error, std::size_t) {
                        self->writing_ = false;
                        if (error == beast::error::timeout)
                          ++self->house_->counters.dropped_viewers;
                        if (error) return self->close();
                        self->pump();
                      });
  }

  std::shared_ptr<http_house> house_;
  Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http_request request_;
  bool keep_alive_ = false;
  bool waiting_for_head_ = false;
  bool leaving_ = false;
  std::array<char, 4096> waste_{};
  std::size_t discarded_ = 0;
  bool discarding_ = false;
  // Of a stream.
  std::unique_ptr<body_stream> source_;
  std::string piece_;
  bool viewing_ = false;
  bool writing_ = false;
  bool more_ = true;
  asio::steady_timer ping_;
};

} // namespace

void start_session(asio::ip::tcp::socket socket, asio::ssl::context* tls,
                   const std::shared_ptr<http_house>& house) {
  if (tls) {
    std::make_shared<session<tls_stream>>(house, beast::tcp_stream(std::move(socket)), *tls)
        ->start();
  } else {
    std::make_shared<session<plain_stream>>(house, std::move(socket))->start();
  }
}

} // namespace troupe::service
