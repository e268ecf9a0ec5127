#include "socket_bio.hpp"

#include <openssl/bio.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <memory>

namespace troupe::nodes {

namespace {

int descriptor_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::ptrdiff_t>(BIO_get_data(bio)));
}

bool must_wait(ssize_t result) {
  return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

int write_to_socket(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  const auto result = ::send(descriptor_of(bio), data, size, MSG_NOSIGNAL);
  if (must_wait(result)) BIO_set_retry_write(bio);
  *written = result > 0 ? static_cast<std::size_t>(result) : 0;
  return result > 0 ? 1 : 0;
}

int read_from_socket(BIO* bio, char* data, std::size_t size, std::size_t* received) {
  BIO_clear_retry_flags(bio);
  const auto result = ::recv(descriptor_of(bio), data, size, 0);
  if (must_wait(result)) BIO_set_retry_read(bio);
  if (result == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  *received = result > 0 ? static_cast<std::size_t>(result) : 0;
  return result > 0 ? 1 : 0;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

struct method_deleter {
  void operator()(BIO_METHOD* method) const noexcept { BIO_meth_free(method); }
};

using method_ptr = std::unique_ptr<BIO_METHOD, method_deleter>;

method_ptr make_method() {
  method_ptr method(
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "socket"));
  if (!method) return nullptr;
  BIO_meth_set_write_ex(method.get(), write_to_socket);
  BIO_meth_set_read_ex(method.get(), read_from_socket);
  BIO_meth_set_ctrl(method.get(), control);
  return method;
}

} // namespace

bio_st* make_socket_bio(int socket) {
  static const auto method = make_method();
  auto* bio = method ? BIO_new(method.get()) : nullptr;
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::ptrdiff_t>(socket)));
  BIO_set_init(bio, 1);
  return bio;
}

} // namespace troupe::nodes
