#pragma once

#include <string>

namespace troupe {

/// The files of a node's identity, in PEM form, as `troupe certs` makes them. All or none.
struct tls_files {
  std::string ca{};          ///< certificate of the cluster's authority
  std::string certificate{}; ///< of this node, signed by it
  std::string key{};         ///< its private key
  [[nodiscard]] bool given() const noexcept {
    return !ca.empty() || !certificate.empty() || !key.empty();
  }
};

} // namespace troupe
