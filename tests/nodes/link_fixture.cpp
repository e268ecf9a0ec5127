#include "link_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace troupe::nodes::testing {

namespace {

void require(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(what);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void write_text(const std::string& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  require(out.good(), "cannot write a file");
}

} // namespace

temporary_folder::temporary_folder() {
  auto path = (std::filesystem::temp_directory_path() / "troupe-test-XXXXXX").string();
  require(::mkdtemp(path.data()) != nullptr, "no temporary folder");
  path_ = path;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

tls_files cluster_files::node(const std::string& name) const {
  const auto made = make_node_certificate(folder_.path(), name, {.hosts = {"127.0.0.1"}});
  return {folder_.file("ca.pem"), made.certificate, made.key};
}

tls_files cluster_files::node_valid(const std::string& name, std::chrono::seconds from,
                                    std::chrono::seconds until) const {
  const auto ca = read_certificate(folder_.file("ca.pem"));
  const auto ca_key = read_key(folder_.file("ca-key.pem"));
  const auto key = make_key();
  const certificate_request request{name, from, until, {}, false};
  const auto made = issue_certificate(request, *key, {ca.get(), ca_key.get()});
  const tls_files files{folder_.file("ca.pem"), folder_.file(name + ".pem"),
                        folder_.file(name + "-key.pem")};
  write_text(files.certificate, to_pem(*made));
  write_text(files.key, to_pem(*key));
  return files;
}

raw_peer::raw_peer(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  require(socket_ >= 0, "no socket");
  const timeval limit{patience.count(), 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const auto address = loopback(port);
  require(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          "cannot connect");
}

raw_peer::~raw_peer() {
  if (socket_ >= 0) ::close(socket_);
}

void raw_peer::say(const std::string& bytes) const {
  // The other side may have closed already; that is what tests look at afterwards.
  static_cast<void>(!::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

std::optional<std::string> raw_peer::hear_until_closed() const {
  std::string heard;
  std::array<char, 4096> part{};
  for (;;) {
    const auto count = ::recv(socket_, part.data(), part.size(), 0);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return heard;
    if (count < 0) return std::nullopt;
    heard.append(part.data(), static_cast<std::size_t>(count));
  }
}

std::string raw_peer::hear(std::size_t bytes) const {
  std::string heard(bytes, '\0');
  std::size_t size = 0;
  while (size < bytes) {
    const auto count = ::recv(socket_, heard.data() + size, bytes - size, 0);
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  heard.resize(size);
  return heard;
}

silent_listener::silent_listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  auto address = loopback(0);
  socklen_t size = sizeof address;
  require(socket_ >= 0 && ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) == 0
              && ::listen(socket_, 16) == 0
              && ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
          "cannot listen");
  port_ = ntohs(address.sin_port);
}

silent_listener::~silent_listener() {
  ::close(socket_);
}

} // namespace troupe::nodes::testing
