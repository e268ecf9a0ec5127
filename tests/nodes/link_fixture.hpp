#pragma once

#include "certificate_issue.hpp"
#include "link.hpp"

#include <troupe/nodes/certificates.hpp>

#include <gmock/gmock.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

namespace troupe::nodes::testing {

constexpr std::chrono::seconds patience(30);

/// Remembers everything it is told, and lets a test wait for it.
class recorder : public link_handler {
public:
  struct end {
    std::shared_ptr<link> which;
    std::string why;
  };

  void on_open(const std::shared_ptr<link>& opened, std::uint64_t ticket) override {
    note([&] {
      opened_.push_back(opened);
      tickets_.push_back(ticket);
    });
  }
  void on_frames(const std::shared_ptr<link>& from, std::vector<frame> frames) override {
    if (echoes) from->send(frames);
    note([&] {
      for (auto& each : frames) received_[from].push_back(std::move(each));
    });
  }
  void on_closed(const std::shared_ptr<link>& gone, const std::string& why) override {
    note([&] { closed_.push_back({gone, why}); });
  }
  void on_connect_failed(std::uint64_t ticket, const std::string& why) override {
    note([&] { failed_.emplace_back(ticket, why); });
  }

  /// The link that was opened as number `index`, or null when it does not come.
  std::shared_ptr<link> opened(std::size_t index = 0) {
    return wait_for_item(opened_, index, [](const auto& found) { return found; });
  }
  /// Why the link that ended as number `index` did; empty when none does.
  std::string closed(std::size_t index = 0) {
    return wait_for_item(closed_, index, [](const auto& found) { return found.why; });
  }
  std::string failed(std::size_t index = 0) {
    return wait_for_item(failed_, index, [](const auto& found) { return found.second; });
  }
  /// What has come by the time that there are `at_least` frames.
  std::vector<frame> received(const std::shared_ptr<link>& from, std::size_t at_least) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return received_[from].size() >= at_least; });
    return received_[from];
  }
  std::uint64_t failed_ticket(std::size_t index = 0) { return failed_.at(index).first; }
  std::uint64_t ticket(std::size_t index = 0) { return tickets_.at(index); }
  std::size_t open_count() { return count(opened_); }
  std::size_t closed_count() { return count(closed_); }
  bool wait_for_opened(std::size_t number) {
    return wait([&] { return opened_.size() >= number; });
  }
  bool wait_for_closed(std::size_t number) {
    return wait([&] { return closed_.size() >= number; });
  }

  bool echoes = false;

private:
  template <class Act>
  void note(Act act) {
    const std::scoped_lock lock(mutex_);
    act();
    changed_.notify_all();
  }
  template <class Ready>
  bool wait(Ready ready) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, ready);
  }
  template <class Item, class Get>
  std::decay_t<std::invoke_result_t<Get, const Item&>> wait_for_item(const std::vector<Item>& items,
                                                                     std::size_t index, Get get) {
    std::unique_lock lock(mutex_);
    const auto came = changed_.wait_for(lock, patience, [&] { return items.size() > index; });
    if (!came) return {};
    return get(items[index]);
  }
  template <class Items>
  std::size_t count(const Items& items) {
    const std::scoped_lock lock(mutex_);
    return items.size();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<link>> opened_;
  std::vector<std::uint64_t> tickets_;
  std::map<std::shared_ptr<link>, std::vector<frame>> received_;
  std::vector<end> closed_;
  std::vector<std::pair<std::uint64_t, std::string>> failed_;
};

/// A folder that goes with the test.
class temporary_folder {
public:
  temporary_folder();
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

/// A cluster's authority in a folder of its own, and certificates of its nodes.
class cluster_files {
public:
  cluster_files() { make_cluster_ca(folder_.path()); }

  tls_files node(const std::string& name) const;
  /// Files of a node whose certificate is valid between these times, from now on.
  tls_files node_valid(const std::string& name, std::chrono::seconds from,
                       std::chrono::seconds until) const;
  [[nodiscard]] const temporary_folder& folder() const noexcept { return folder_; }

private:
  temporary_folder folder_;
};

/// A TCP connection that says what it likes. All of its calls give up after the patience of tests.
class raw_peer {
public:
  explicit raw_peer(std::uint16_t port);
  ~raw_peer();
  raw_peer(raw_peer&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;

  void say(const std::string& bytes) const;
  /// Reads until the other side closes; nothing when it does not.
  std::optional<std::string> hear_until_closed() const;
  /// Reads so many bytes, or fewer when the other side closes.
  std::string hear(std::size_t bytes) const;
  [[nodiscard]] int descriptor() const noexcept { return socket_; }

private:
  int socket_ = -1;
};

/// A listening socket whose connections nobody takes.
class silent_listener {
public:
  silent_listener();
  ~silent_listener();
  silent_listener(const silent_listener&) = delete;
  silent_listener& operator=(const silent_listener&) = delete;

  [[nodiscard]] endpoint address() const noexcept { return {"127.0.0.1", port_}; }

private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

} // namespace troupe::nodes::testing
