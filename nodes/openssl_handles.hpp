#pragma once

#include <memory>
#include <string>

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;
struct evp_pkey_st;

namespace troupe::nodes {

/// Frees what OpenSSL made.
struct openssl_deleter {
  void operator()(ssl_st* session) const noexcept;
  void operator()(ssl_ctx_st* context) const noexcept;
  void operator()(x509_st* certificate) const noexcept;
  void operator()(evp_pkey_st* key) const noexcept;
};

template <class Type>
using openssl_ptr = std::unique_ptr<Type, openssl_deleter>;

/// What OpenSSL last complained about on this thread, or `otherwise`; forgets it.
[[nodiscard]] std::string openssl_complaint(const std::string& otherwise);
/// The common name of a certificate's subject; empty without one.
[[nodiscard]] std::string common_name(const x509_st& certificate);

/// Read the first certificate, or the key, of a PEM file. Throw `std::runtime_error` that names it.
[[nodiscard]] openssl_ptr<x509_st> read_certificate(const std::string& file);
[[nodiscard]] openssl_ptr<evp_pkey_st> read_key(const std::string& file);

} // namespace troupe::nodes
