#pragma once

#include "child_node.hpp"
#include "console.hpp"
#include "interrupts.hpp"
#include "process_file.hpp"

#include <troupe/protocol/time.hpp>
#include <troupe/service/endpoint.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::detail {

struct local_cluster_options {
  std::size_t workers = 2;
  endpoint http{};                      ///< of the coordinator
  std::string data{};                   ///< folder for files about the processes; empty: none
  std::vector<std::string> arguments{}; ///< for every node
  duration drain_limit{};               ///< of every node
  bool json = false;
};

/// A coordinator and workers as processes on loopback, kept going until a signal.
///
/// starting --the coordinator is ready--> its workers start --all are ready--> up
/// starting, up --a signal, or a node that cannot start--> the coordinator ends
/// the coordinator ends --it has, or takes too long--> the workers end --they have--> over
class local_cluster {
public:
  local_cluster(console& speaker, interrupts& signals, local_cluster_options options);

  /// Returns the exit status.
  int run();

private:
  enum class phase { starting, up, ending_coordinator, ending_workers };
  struct member {
    std::unique_ptr<child_node> process;
    bool is_worker = true;
    bool has_left = false; ///< and is not to come back
    duration pause{};      ///< before it is started again
    std::optional<instant> next_start{};
    instant started{};
    std::optional<process_file> id_file{};
  };

  void add(const std::string& name, bool is_worker);
  void start(member& which);
  [[nodiscard]] std::vector<std::string> arguments_of(const member& which) const;
  void became_ready(member& which, const value& facts);
  void announce();
  void has_ended(member& which);
  void start_again(member& which, const std::string& how);
  void end(int status);
  void end_workers();
  void wait();
  void look();
  [[nodiscard]] bool is_ending() const noexcept { return phase_ >= phase::ending_coordinator; }
  [[nodiscard]] bool all_gone(bool workers) const;
  void signal_all(bool workers, int number) const;

  console& console_;
  interrupts& signals_;
  const local_cluster_options options_;
  const std::string program_;
  std::size_t name_width_ = 0;
  std::vector<std::unique_ptr<member>> members_; // the coordinator first
  phase phase_ = phase::starting;
  std::string links_; // where the workers connect
  std::string url_;
  std::optional<endpoint> http_; // of a coordinator that is started again
  instant kill_at_ = no_deadline;
  bool signal_seen_ = false;
  int status_ = 0;
};

} // namespace troupe::detail
