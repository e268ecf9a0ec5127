#pragma once

#include "openssl_handles.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace troupe::nodes {

/// What stands in a certificate.
struct certificate_request {
  std::string name;
  std::chrono::seconds valid_from{}; ///< relative to now
  std::chrono::seconds valid_until{};
  std::vector<std::string> hosts{};
  bool authority = false; ///< may sign those of nodes
};

/// Who signs; nobody signs a certificate but its own key.
struct certificate_signer {
  const x509_st* certificate = nullptr;
  evp_pkey_st* key = nullptr;
};

/// A new P-256 key. Throws `std::runtime_error`.
[[nodiscard]] openssl_ptr<evp_pkey_st> make_key();
/// A signed certificate for the key. Throws `std::runtime_error`.
[[nodiscard]] openssl_ptr<x509_st> issue_certificate(const certificate_request& request,
                                                     evp_pkey_st& key, certificate_signer signer);

[[nodiscard]] std::string to_pem(const x509_st& certificate);
[[nodiscard]] std::string to_pem(const evp_pkey_st& key);

} // namespace troupe::nodes
