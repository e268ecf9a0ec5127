#pragma once

#include "openssl_handles.hpp"

#include <troupe/service/tls_files.hpp>

#include <string>

namespace troupe::nodes {

enum class tls_side { client, server };

/// What all TLS sessions of a process share: TLS 1.3 only, and both sides must show a certificate
/// that the cluster's authority signed. The host name of the peer is not compared with the names in
/// its certificate: nodes move, and every certificate of the authority is a member. Thread-safe
/// once made.
class tls_context {
public:
  /// Reads the files. Throws `std::runtime_error` that names the file and what is wrong with it:
  /// missing, no PEM, expired, not signed by the authority, or a key of another certificate.
  explicit tls_context(const tls_files& files);

  /// A session over a connected, non-blocking socket, which it does not own.
  [[nodiscard]] openssl_ptr<ssl_st> make_session(int socket, tls_side side) const;

private:
  openssl_ptr<ssl_ctx_st> context_;
};

/// What is unwise about the files, for the log: a private key that other users can read. Empty when
/// nothing is.
[[nodiscard]] std::string warning_about(const tls_files& files);

} // namespace troupe::nodes
