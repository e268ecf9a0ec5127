#include "openssl_handles.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

namespace troupe::nodes {

namespace {

struct file_closer {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

using file_ptr = std::unique_ptr<std::FILE, file_closer>;

file_ptr open(const std::string& path) {
  file_ptr file(std::fopen(path.c_str(), "re"));
  if (!file) {
    throw std::runtime_error("cannot read `" + path
                             + "`: " + std::generic_category().message(errno));
  }
  return file;
}

std::string complaint_about(const std::string& file, const char* what) {
  return "`" + file + "` holds no " + what + " in PEM form: " + openssl_complaint("nothing found");
}

} // namespace

void openssl_deleter::operator()(ssl_st* session) const noexcept {
  SSL_free(session);
}
void openssl_deleter::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}
void openssl_deleter::operator()(x509_st* certificate) const noexcept {
  X509_free(certificate);
}
void openssl_deleter::operator()(evp_pkey_st* key) const noexcept {
  EVP_PKEY_free(key);
}

std::string openssl_complaint(const std::string& otherwise) {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return otherwise;
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : otherwise;
}

std::string common_name(const x509_st& certificate) {
  auto* subject = X509_get_subject_name(&certificate);
  const auto at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const auto* entry = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  const auto size = ASN1_STRING_to_UTF8(&text, entry);
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

openssl_ptr<x509_st> read_certificate(const std::string& file) {
  const auto opened = open(file);
  openssl_ptr<x509_st> found(PEM_read_X509(opened.get(), nullptr, nullptr, nullptr));
  if (!found) throw std::runtime_error(complaint_about(file, "certificate"));
  return found;
}

openssl_ptr<evp_pkey_st> read_key(const std::string& file) {
  const auto opened = open(file);
  // An empty passphrase, so that a key under one is an error and not a question on the terminal.
  char none[] = "";
  openssl_ptr<evp_pkey_st> found(PEM_read_PrivateKey(opened.get(), nullptr, nullptr, none));
  if (!found) throw std::runtime_error(complaint_about(file, "private key"));
  return found;
}

} // namespace troupe::nodes
