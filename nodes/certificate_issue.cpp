#include "certificate_issue.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <stdexcept>

namespace troupe::nodes {

namespace {

/// Of the serial number; CAs use 64 to 159 bits, so that no two are alike.
constexpr int serial_bits = 127;

template <auto Free>
struct freed_by {
  template <class Type>
  void operator()(Type* what) const noexcept {
    Free(what);
  }
};

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string(what) + ": " + openssl_complaint("failed"));
}

void set_serial(X509* certificate) {
  const std::unique_ptr<BIGNUM, freed_by<BN_free>> number(BN_new());
  require(number && BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1
              && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
          "cannot make a serial number");
}

void set_validity(X509* certificate, const certificate_request& request) {
  const auto set = [](ASN1_TIME* at, std::chrono::seconds seconds) {
    // Days and seconds apart: a long on its own may be short.
    const auto days = std::chrono::duration_cast<std::chrono::hours>(seconds) / 24;
    const auto rest = seconds - days * 24;
    return X509_time_adj_ex(at, static_cast<int>(days.count()), static_cast<long>(rest.count()),
                            nullptr)
           != nullptr;
  };
  require(set(X509_getm_notBefore(certificate), request.valid_from)
              && set(X509_getm_notAfter(certificate), request.valid_until),
          "cannot set how long a certificate is valid");
}

void set_name(X509* certificate, const std::string& name) {
  auto* subject = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(name.data());
  require(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, text,
                                     static_cast<int>(name.size()), -1, 0)
              == 1,
          "cannot set the name of a certificate");
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1
         || ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

std::string alternative_names(const std::vector<std::string>& hosts) {
  std::string text;
  for (const auto& host : hosts) {
    if (!text.empty()) text += ',';
    text += (is_address(host) ? "IP:" : "DNS:") + host;
  }
  return text;
}

void add_extension(X509* certificate, const X509* issuer, int kind, const std::string& text) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, const_cast<X509*>(issuer), certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> made(
      X509V3_EXT_conf_nid(nullptr, &context, kind, text.c_str()));
  require(made && X509_add_ext(certificate, made.get(), -1) == 1,
          "cannot add an extension to a certificate");
}

void add_extensions(X509* certificate, const X509* issuer, const certificate_request& request) {
  const auto add = [&](int kind, const std::string& text) {
    add_extension(certificate, issuer, kind, text);
  };
  add(NID_subject_key_identifier, "hash");
  add(NID_authority_key_identifier, "keyid:always");
  if (request.authority) {
    add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add(NID_key_usage, "critical,keyCertSign,cRLSign");
    return;
  }
  add(NID_basic_constraints, "critical,CA:FALSE");
  add(NID_key_usage, "critical,digitalSignature");
  add(NID_ext_key_usage, "clientAuth,serverAuth");
  if (!request.hosts.empty()) add(NID_subject_alt_name, alternative_names(request.hosts));
}

template <class Write>
std::string written(Write write) {
  const std::unique_ptr<BIO, freed_by<BIO_free_all>> memory(BIO_new(BIO_s_mem()));
  require(memory && write(memory.get()) == 1, "cannot write PEM");
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

} // namespace

openssl_ptr<evp_pkey_st> make_key() {
  openssl_ptr<evp_pkey_st> made(EVP_EC_gen("P-256"));
  require(made != nullptr, "cannot make a key");
  return made;
}

openssl_ptr<x509_st> issue_certificate(const certificate_request& request, evp_pkey_st& key,
                                       certificate_signer signer) {
  openssl_ptr<x509_st> made(X509_new());
  auto* certificate = made.get();
  require(made && X509_set_version(certificate, X509_VERSION_3) == 1, "cannot make a certificate");
  set_serial(certificate);
  set_validity(certificate, request);
  set_name(certificate, request.name);
  const auto* issuer = signer.certificate != nullptr ? signer.certificate : certificate;
  require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1
              && X509_set_pubkey(certificate, &key) == 1,
          "cannot make a certificate");
  add_extensions(certificate, issuer, request);
  require(X509_sign(certificate, signer.key != nullptr ? signer.key : &key, EVP_sha256()) > 0,
          "cannot sign a certificate");
  return made;
}

std::string to_pem(const x509_st& certificate) {
  return written([&](BIO* to) { return PEM_write_bio_X509(to, &certificate); });
}

std::string to_pem(const evp_pkey_st& key) {
  return written([&](BIO* to) {
    return PEM_write_bio_PKCS8PrivateKey(to, &key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

} // namespace troupe::nodes
