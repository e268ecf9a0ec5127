#include "byte_channel.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace troupe::nodes {

namespace {

constexpr const char* closed_by_peer = "closed by the peer";

bool must_wait(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int clamped(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

} // namespace

channel_state byte_channel::shake_hands() {
  if (!session_) return channel_state::ready;
  const std::scoped_lock lock(*mutex_);
  ERR_clear_error();
  errno = 0;
  const auto result = SSL_do_handshake(session_.get());
  if (result == 1) return channel_state::ready;
  return after_tls(result);
}

byte_channel::moved byte_channel::receive(char* into, std::size_t size) {
  moved sum;
  if (size == 0) return sum;
  const auto count = ::recv(descriptor(), into, size, 0);
  const auto error = errno;
  if (count > 0) {
    sum.bytes = static_cast<std::size_t>(count);
    // Less than asked for: that was all, and asking again would only say so.
    if (sum.bytes < size) sum.state = channel_state::wants_read;
    return sum;
  }
  if (count < 0 && must_wait(error)) {
    sum.state = channel_state::wants_read;
    return sum;
  }
  const std::scoped_lock lock(*mutex_);
  sum.state = end(count == 0 ? closed_by_peer : system_message(error));
  return sum;
}

byte_channel::moved byte_channel::send(const char* from, std::size_t size) {
  moved sum;
  while (sum.bytes < size) {
    const auto count = ::send(descriptor(), from + sum.bytes, size - sum.bytes, MSG_NOSIGNAL);
    const auto error = errno;
    if (count >= 0) {
      sum.bytes += static_cast<std::size_t>(count);
      continue;
    }
    if (must_wait(error)) {
      sum.state = channel_state::wants_write;
      return sum;
    }
    const std::scoped_lock lock(*mutex_);
    sum.state = end(system_message(error));
    return sum;
  }
  return sum;
}

byte_channel::moved byte_channel::read(char* into, std::size_t size) {
  if (!session_) return receive(into, size);
  const std::scoped_lock lock(*mutex_);
  moved sum;
  while (sum.bytes < size) {
    errno = 0;
    ERR_clear_error();
    const auto count = SSL_read(session_.get(), into + sum.bytes, clamped(size - sum.bytes));
    if (count <= 0) {
      sum.state = after_tls(count);
      return sum;
    }
    sum.bytes += static_cast<std::size_t>(count);
  }
  return sum;
}

byte_channel::moved byte_channel::write(const char* from, std::size_t size) {
  if (!session_) return send(from, size);
  const std::scoped_lock lock(*mutex_);
  moved sum;
  while (sum.bytes < size) {
    errno = 0;
    ERR_clear_error();
    const auto count = SSL_write(session_.get(), from + sum.bytes, clamped(size - sum.bytes));
    if (count <= 0) {
      sum.state = after_tls(count);
      return sum;
    }
    sum.bytes += static_cast<std::size_t>(count);
  }
  return sum;
}

std::string byte_channel::why_ended() const {
  const std::scoped_lock lock(*mutex_);
  return why_ended_;
}

bool byte_channel::holds_received() const {
  const std::scoped_lock lock(*mutex_);
  return session_ && SSL_has_pending(session_.get()) == 1;
}

void byte_channel::finish_writing() {
  const std::scoped_lock lock(*mutex_);
  if (session_ && why_ended_.empty()) {
    ERR_clear_error();
    SSL_shutdown(session_.get());
    ERR_clear_error();
  }
  ::shutdown(descriptor(), SHUT_WR);
}

std::string byte_channel::peer_name() const {
  if (!session_) return {};
  const auto* certificate = SSL_get0_peer_certificate(session_.get());
  return certificate != nullptr ? common_name(*certificate) : std::string();
}

bool byte_channel::has_heard() const {
  return session_ && BIO_number_read(SSL_get_rbio(session_.get())) > 0;
}

int byte_channel::descriptor() const noexcept {
  return socket_ ? socket_.get() : released_;
}

int byte_channel::release_descriptor() noexcept {
  return released_ = socket_.release();
}

channel_state byte_channel::after_tls(int result) {
  const auto system_error = errno;
  switch (SSL_get_error(session_.get(), result)) {
  case SSL_ERROR_WANT_READ: return channel_state::wants_read;
  case SSL_ERROR_WANT_WRITE: return channel_state::wants_write;
  case SSL_ERROR_ZERO_RETURN: return end(closed_by_peer);
  case SSL_ERROR_SYSCALL: {
    ERR_clear_error();
    return end(system_error != 0 ? system_message(system_error) : closed_by_peer);
  }
  default: break;
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return end(closed_by_peer);
  }
  const auto verified = SSL_get_verify_result(session_.get());
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return end(std::string("the peer's certificate does not verify: ")
               + X509_verify_cert_error_string(verified));
  }
  return end(openssl_complaint("TLS protocol error"));
}

channel_state byte_channel::end(std::string why) {
  if (why_ended_.empty()) why_ended_ = std::move(why);
  return channel_state::ended;
}

} // namespace troupe::nodes
