#include "redis_server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace troupe::testing {

namespace {

std::uint16_t free_port() {
  const auto socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  auto* address = reinterpret_cast<sockaddr*>(&where);
  const auto found =
      ::bind(socket, address, size) == 0 && ::getsockname(socket, address, &size) == 0;
  ::close(socket);
  return found ? ntohs(where.sin_port) : std::uint16_t{0};
}

} // namespace

redis_server::redis_server(std::vector<std::string> settings)
    : port_(free_port()), settings_(std::move(settings)) {
  auto name = (std::filesystem::temp_directory_path() / "troupe-redis-XXXXXX").string();
  folder_ = mkdtemp(name.data());
  start();
}

redis_server::~redis_server() {
  kill();
  std::filesystem::remove_all(folder_);
}

std::string redis_server::url(const std::string& login) const {
  return "redis://" + login + "127.0.0.1:" + std::to_string(port_) + "/0";
}

void redis_server::kill() {
  program_.reset();
}

void redis_server::start() {
  std::vector<std::string> argv{"setpriv",      "--pdeathsig",
                                "KILL",         "redis-server",
                                "--port",       std::to_string(port_),
                                "--bind",       "127.0.0.1",
                                "--save",       "",
                                "--appendonly", "no",
                                "--dir",        folder_};
  argv.insert(argv.end(), settings_.begin(), settings_.end());
  program_ = std::make_unique<running_program>(argv);
  EXPECT_TRUE(program_->has_written("Ready to accept connections"));
}

void redis_server::freeze() const {
  program_->signal(SIGSTOP);
}

void redis_server::thaw() const {
  program_->signal(SIGCONT);
}

} // namespace troupe::testing
