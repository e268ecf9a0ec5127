#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::detail {

/// Where a cluster is, and what opens it.
struct cluster_access {
  std::optional<std::string> url{};
  std::optional<std::string> token_file{};
  std::optional<std::string> ca{};
};

/// What the user wrote after a command that speaks to a cluster.
struct cluster_request {
  cluster_access access{};
  std::string word{};                           ///< a run, a node, a file, or what to do
  std::string target{};                         ///< what to do it with
  std::map<std::string, std::string> actions{}; ///< that there are, by command
  std::optional<std::string> input{};
  std::optional<std::string> context{};
  std::vector<std::string> settings{}; ///< KEY=VALUE
  std::optional<std::string> correlation_id{};
  std::optional<std::string> answer{};
  std::optional<std::string> status{};
  std::optional<std::string> name{};
  std::optional<std::string> limit{};
  std::optional<std::string> cursor{};
  bool json = false;
  bool wait = false;
  bool follow = false;
};

/// What the user wrote after `node` or `config`.
struct node_request {
  std::map<std::string, std::string> settings{}; ///< as they were written, by their path in files
  std::optional<std::string> config{};
  std::optional<std::string> ready_file{};
  std::string action{}; ///< of `config`
  bool json = false;
  bool origin = false;
  bool ends_with_parent = false;
};

/// What the user wrote after `health`.
struct health_request {
  std::optional<std::string> url{};
  std::optional<std::string> ca{};
  std::optional<std::string> ready_file{};
};

struct up_request {
  std::map<std::string, std::string> settings{}; ///< of every node
  std::optional<std::string> config{};
  std::optional<std::string> workers{};
  std::optional<std::string> port{};
  std::optional<std::string> data{};
  bool json = false;
};

struct certs_request {
  std::string action{};
  std::string folder{};
  std::vector<std::string> names{};
  std::vector<std::string> hosts{};
  std::optional<std::string> days{};
  bool replace = false;
};

/// What the user wrote after `run`.
struct run_request {
  cluster_access access{}; ///< without a URL: here
  std::string file{};
  std::optional<std::string> input{};
  std::optional<std::string> context{};
  std::vector<std::string> settings{}; ///< KEY=VALUE
  std::optional<std::string> correlation_id{};
  std::optional<std::string> seed{};
  std::optional<std::string> inputs{};
  std::optional<std::string> concurrency{};
  std::optional<std::string> resume{};
  std::optional<std::string> answer{};
  std::optional<std::string> state{};
  bool json = false;
  bool virtual_time = false;
  bool unfused = false;
  bool remote_steps = false; ///< each step as if on a worker
};

struct validate_request {
  std::vector<std::string> files{};
  bool json = false;
};

struct graph_request {
  std::string file{};
  std::string format = "mermaid";
  std::string output{}; ///< a file; empty: standard output
};

struct types_request {
  std::vector<std::string> names{}; ///< only these; all when empty
  bool json = false;
};

} // namespace troupe::detail
