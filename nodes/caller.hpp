#pragma once

#include <troupe/policies/random.hpp>
#include <troupe/protocol/time.hpp>
#include <troupe/service/endpoint.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::nodes {

/// Keeps links to a list of coordinators: says when to connect to which, and pauses longer after
/// each failure in a row. Pure: time and chance are arguments.
class caller {
public:
  caller(const std::vector<endpoint>& where, std::uint64_t seed);

  struct call {
    endpoint where;
    std::uint64_t ticket; ///< above 0
  };
  /// Whom to connect to now. What comes of each is told below.
  [[nodiscard]] std::vector<call> due(instant now);
  /// There is a link now; false when nobody asked for it.
  bool opened(std::uint64_t ticket, std::uint64_t peer);
  void welcomed(std::uint64_t peer);
  void refused(std::uint64_t peer);
  /// It has called this node, so there is a link already: a failure that nobody needs to know of.
  void has_called(std::uint64_t peer);
  /// This one is not to be called again.
  void forget(std::uint64_t peer);
  // Both return what people should know, if they do not yet.
  [[nodiscard]] std::optional<std::string> failed(std::uint64_t ticket, const std::string& why,
                                                  instant now);
  [[nodiscard]] std::optional<std::string> ended(std::uint64_t peer, const std::string& why,
                                                 instant now);

private:
  struct place {
    endpoint where{};
    std::uint64_t peer = 0; ///< 0 while there is no link
    bool is_connecting = false;
    bool is_forgotten = false;
    std::uint32_t failures = 0; ///< in a row
    instant next_try{};
    bool was_refused = false;
    bool has_called = false;
  };
  [[nodiscard]] place* with_link(std::uint64_t peer);
  [[nodiscard]] std::optional<std::string> retry_later(place& where, const std::string& why,
                                                       instant now);

  std::vector<place> places_;
  random_source random_;
};

} // namespace troupe::nodes
