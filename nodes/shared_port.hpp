#pragma once

#include "link.hpp"

#include <span>
#include <string>
#include <string_view>

namespace troupe::nodes {

/// How what coordinators share reaches the other ones. In the node's turn only.
class shared_port {
public:
  /// Says something to one of them; lost when there is no link to it.
  virtual void tell_other(const std::string& coordinator, frame body) = 0;

protected:
  ~shared_port() = default;
};

/// Returns the one of `members` that decides about `key`: the same on every node that knows the
/// same members, and for most keys the same after one has come or gone. `members` is not empty.
///
/// Rendezvous hashing (Thaler and Ravishankar, 1998).
[[nodiscard]] const std::string& home_among(std::span<const std::string> members,
                                            std::string_view key);

} // namespace troupe::nodes
