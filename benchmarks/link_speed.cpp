#include "link.hpp"

#include <troupe/nodes/certificates.hpp>

#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <stdexcept>

// How many frames a link moves: two transports in one process, over the loopback interface.

namespace troupe::nodes {
namespace {

constexpr std::size_t frame_bytes = 100;

/// Certificates of a cluster, made once.
class certificates {
public:
  certificates() {
    auto path = (std::filesystem::temp_directory_path() / "troupe-bench-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = path;
    make_cluster_ca(folder_.string());
    const auto made = make_node_certificate(folder_.string(), "node");
    files_ = {(folder_ / "ca.pem").string(), made.certificate, made.key};
  }
  ~certificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  certificates(const certificates&) = delete;
  certificates& operator=(const certificates&) = delete;

  static const tls_files& files() {
    static const certificates made;
    return made.files_;
  }

private:
  std::filesystem::path folder_;
  tls_files files_{};
};

/// Counts what comes, and sends it back when it is to.
class counter : public link_handler {
public:
  explicit counter(bool echoes) : echoes_(echoes) {}

  void on_open(const std::shared_ptr<link>& opened, std::uint64_t) override {
    const std::scoped_lock lock(mutex_);
    link_ = opened;
    changed_.notify_all();
  }
  void on_frames(const std::shared_ptr<link>& from, std::vector<frame> frames) override {
    const auto count = frames.size();
    if (echoes_) return from->send(std::move(frames));
    const std::scoped_lock lock(mutex_);
    received_ += count;
    if (received_ >= wanted_) changed_.notify_all();
  }
  void on_closed(const std::shared_ptr<link>&, const std::string&) override {}
  void on_connect_failed(std::uint64_t, const std::string& why) override {
    throw std::runtime_error(why);
  }

  std::shared_ptr<link> opened() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return link_ != nullptr; });
    return link_;
  }
  void wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    wanted_ = count;
    changed_.wait(lock, [&] { return received_ >= count; });
  }

private:
  const bool echoes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<link> link_;
  std::uint64_t received_ = 0;
  std::uint64_t wanted_ = 0;
};

struct two_ends {
  two_ends(bool secure, bool echoes) : far_end(std::make_shared<counter>(echoes)) {
    transport_options options{};
    if (secure) options.tls = certificates::files();
    there = make_transport(options);
    here = make_transport(options);
    here->connect(there->listen({}, far_end).value(), 1, near_end);
    sender = near_end->opened();
  }

  std::shared_ptr<counter> near_end = std::make_shared<counter>(false);
  std::shared_ptr<counter> far_end;
  std::unique_ptr<transport> there;
  std::unique_ptr<transport> here;
  std::shared_ptr<link> sender;
};

/// Sends `window` frames, each by itself, and waits until all have arrived.
void one_way(benchmark::State& state) {
  const auto window = static_cast<std::uint64_t>(state.range(0));
  two_ends ends(state.range(1) == 1, false);
  std::uint64_t sent = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < window; ++i) ends.sender->send({frame(frame_bytes, 'x')});
    ends.far_end->wait_for(sent += window);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(sent));
}

/// The same, and waits until all have come back.
void round_trip(benchmark::State& state) {
  const auto window = static_cast<std::uint64_t>(state.range(0));
  two_ends ends(state.range(1) == 1, true);
  std::uint64_t sent = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < window; ++i) ends.sender->send({frame(frame_bytes, 'x')});
    ends.near_end->wait_for(sent += window);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(sent));
}

/// Large frames: bytes each second.
void large_frames(benchmark::State& state) {
  two_ends ends(state.range(1) == 1, false);
  const auto size = static_cast<std::size_t>(state.range(0));
  constexpr std::uint64_t window = 16;
  std::uint64_t sent = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < window; ++i) ends.sender->send({frame(size, 'x')});
    ends.far_end->wait_for(sent += window);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(sent * size));
}

BENCHMARK(one_way)
    ->ArgNames({"window", "tls"})
    ->ArgsProduct({{1, 64, 1024}, {0, 1}})
    ->UseRealTime();
BENCHMARK(round_trip)
    ->ArgNames({"window", "tls"})
    ->ArgsProduct({{1, 64, 1024}, {0, 1}})
    ->UseRealTime();
BENCHMARK(large_frames)
    ->ArgNames({"bytes", "tls"})
    ->ArgsProduct({{10'000, 100'000, 1'000'000}, {0, 1}})
    ->UseRealTime();

} // namespace
} // namespace troupe::nodes
