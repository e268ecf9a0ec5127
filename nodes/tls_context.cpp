#include "tls_context.hpp"

#include "socket_bio.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>

namespace troupe::nodes {

namespace {

/// How many received bytes OpenSSL keeps, so that one call to the system brings several records.
constexpr std::size_t read_ahead_bytes = std::size_t{64} << 10;

struct verification_deleter {
  void operator()(X509_STORE_CTX* context) const noexcept { X509_STORE_CTX_free(context); }
};

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw std::runtime_error("cannot use `" + file + "`: " + why);
}

/// Without this a node would start and then be refused by each of its peers.
void check_own_certificate(SSL_CTX* context, const tls_files& files) {
  const std::unique_ptr<X509_STORE_CTX, verification_deleter> verification(X509_STORE_CTX_new());
  auto* store = SSL_CTX_get_cert_store(context);
  auto* own = SSL_CTX_get0_certificate(context);
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context, &chain);
  if (!verification || X509_STORE_CTX_init(verification.get(), store, own, chain) != 1) {
    refuse(files.certificate, openssl_complaint("out of memory"));
  }
  if (X509_verify_cert(verification.get()) == 1) return;
  const auto error = X509_STORE_CTX_get_error(verification.get());
  const auto depth = X509_STORE_CTX_get_error_depth(verification.get());
  ERR_clear_error();
  const auto is_foreign = error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
                          || error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
                          || error == X509_V_ERR_CERT_SIGNATURE_FAILURE
                          || error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
  if (is_foreign)
    refuse(files.certificate, "it is not signed by the authority in `" + files.ca + "`");
  refuse(depth > 0 ? files.ca : files.certificate, X509_verify_cert_error_string(error));
}

} // namespace

tls_context::tls_context(const tls_files& files) : context_(SSL_CTX_new(TLS_method())) {
  auto* context = context_.get();
  if (context == nullptr) throw std::runtime_error("TLS: " + openssl_complaint("out of memory"));
  for (const auto* file : {&files.ca, &files.certificate, &files.key}) {
    if (file->empty()) {
      throw std::runtime_error("TLS needs three files: the authority's certificate, the node's "
                               "certificate and its key; one of them is not given");
    }
  }
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, read_ahead_bytes);

  static_cast<void>(read_certificate(files.ca));
  if (SSL_CTX_load_verify_file(context, files.ca.c_str()) != 1) {
    refuse(files.ca, openssl_complaint("no certificate"));
  }
  static_cast<void>(read_certificate(files.certificate));
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    refuse(files.certificate, openssl_complaint("no certificate"));
  }
  const auto key = read_key(files.key);
  if (X509_check_private_key(SSL_CTX_get0_certificate(context), key.get()) != 1) {
    ERR_clear_error();
    refuse(files.key, "it is not the key of the certificate in `" + files.certificate + "`");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    refuse(files.key, openssl_complaint("no private key"));
  }
  check_own_certificate(context, files);
}

openssl_ptr<ssl_st> tls_context::make_session(int socket, tls_side side) const {
  openssl_ptr<ssl_st> session(SSL_new(context_.get()));
  auto* bio = make_socket_bio(socket);
  if (!session || bio == nullptr) throw std::bad_alloc();
  SSL_set_bio(session.get(), bio, bio);
  if (side == tls_side::client) SSL_set_connect_state(session.get());
  else SSL_set_accept_state(session.get());
  return session;
}

std::string warning_about(const tls_files& files) {
  struct stat about {};
  if (files.key.empty() || ::stat(files.key.c_str(), &about) != 0) return {};
  // A key that somebody else owns and our group may read was given to us that way.
  const auto too_many = about.st_uid == ::geteuid() ? S_IRGRP | S_IROTH : S_IROTH;
  if ((about.st_mode & too_many) == 0) return {};
  return "the private key `" + files.key + "` can be read by other users (chmod 600)";
}

} // namespace troupe::nodes
