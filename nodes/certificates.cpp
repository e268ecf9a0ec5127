#include "certificate_issue.hpp"

#include <troupe/nodes/certificates.hpp>

#include <fcntl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace troupe {

namespace {

namespace fs = std::filesystem;
using nodes::certificate_request;

/// So that a node whose clock is a little behind does not refuse what was just made.
constexpr auto clock_tolerance = std::chrono::minutes(5);
constexpr int max_days = 36'500;
constexpr std::size_t max_name_bytes = 64; // X.509's limit for a common name

[[noreturn]] void cannot(const char* what, const std::string& file, int error) {
  throw std::runtime_error(std::string("cannot ") + what + " `" + file
                           + "`: " + std::generic_category().message(error));
}

void check_days(int days) {
  if (days >= 1 && days <= max_days) return;
  throw std::invalid_argument("days: must be from 1 to " + std::to_string(max_days) + ", not "
                              + std::to_string(days));
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// The name becomes part of file names, and of what is printed.
void check_name(const std::string& name) {
  const auto fits = [](char c) { return is_plain(c) || c == '.' || c == '-' || c == '_'; };
  const auto fine = !name.empty() && name.size() <= max_name_bytes && is_plain(name.front())
                    && is_plain(name.back()) && std::all_of(name.begin(), name.end(), fits);
  if (!fine) {
    throw std::invalid_argument("name: `" + name
                                + "` must be letters and digits, with `.`, `-` or `_` between "
                                  "them, and at most 64 of them");
  }
  if (name == "ca") throw std::invalid_argument("name: `ca` is that of the authority");
}

/// What could be read as more than one name in a certificate, or as none.
void check_hosts(const std::vector<std::string>& hosts) {
  for (const auto& host : hosts) {
    const auto fits = [](char c) {
      return is_plain(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '*';
    };
    if (!host.empty() && std::all_of(host.begin(), host.end(), fits)) continue;
    throw std::invalid_argument("hosts: `" + host + "` is neither a host name nor an address");
  }
}

certificate_paths paths_in(const std::string& folder, const std::string& name) {
  const fs::path root(folder);
  return {(root / (name + ".pem")).string(), (root / (name + "-key.pem")).string()};
}

void keep_existing(const certificate_paths& paths, bool replace) {
  if (replace) return;
  for (const auto* file : {&paths.certificate, &paths.key}) {
    if (fs::exists(*file)) throw std::runtime_error("`" + *file + "` is there already");
  }
}

/// Under its own name the file is either all there or not at all.
void write_file(const std::string& file, const std::string& text, mode_t mode, bool replace) {
  auto temporary = file + ".XXXXXX";
  const auto descriptor = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) cannot("write", file, errno);
  auto left = std::string_view(text);
  bool fine = ::fchmod(descriptor, mode) == 0;
  while (fine && !left.empty()) {
    const auto count = ::write(descriptor, left.data(), left.size());
    fine = count > 0;
    if (fine) left.remove_prefix(static_cast<std::size_t>(count));
  }
  fine = fine && ::fsync(descriptor) == 0;
  auto error = errno;
  ::close(descriptor);
  if (fine) {
    // A link, unlike a rename, never takes the place of what somebody else has just made.
    fine = replace ? ::rename(temporary.c_str(), file.c_str()) == 0
                   : ::link(temporary.c_str(), file.c_str()) == 0;
    error = errno;
  }
  if (!fine || !replace) ::unlink(temporary.c_str());
  if (!fine) cannot("write", file, error);
}

certificate_paths write_both(const certificate_paths& paths, const x509_st& certificate,
                             const evp_pkey_st& key, bool replace) {
  write_file(paths.key, nodes::to_pem(key), S_IRUSR | S_IWUSR, replace);
  try {
    write_file(paths.certificate, nodes::to_pem(certificate), S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH,
               replace);
  } catch (...) {
    if (!replace) ::unlink(paths.key.c_str());
    throw;
  }
  return paths;
}

certificate_request request_for(const std::string& name, int days) {
  certificate_request request{};
  request.name = name;
  request.valid_from = -clock_tolerance;
  request.valid_until = std::chrono::hours(24) * days;
  return request;
}

} // namespace

certificate_paths make_cluster_ca(const std::string& folder, const ca_options& options) {
  check_days(options.days);
  if (options.name.empty() || options.name.size() > max_name_bytes) {
    throw std::invalid_argument("name: must have 1 to 64 bytes");
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) cannot("make the folder", folder, error.value());
  const auto paths = paths_in(folder, "ca");
  keep_existing(paths, options.replace);
  auto request = request_for(options.name, options.days);
  request.authority = true;
  const auto key = nodes::make_key();
  const auto made = nodes::issue_certificate(request, *key, {nullptr, key.get()});
  return write_both(paths, *made, *key, options.replace);
}

certificate_paths make_node_certificate(const std::string& folder, const std::string& name,
                                        const node_certificate_options& options) {
  check_days(options.days);
  check_name(name);
  check_hosts(options.hosts);
  const auto paths = paths_in(folder, name);
  keep_existing(paths, options.replace);
  const auto authority = paths_in(folder, "ca");
  const auto ca = nodes::read_certificate(authority.certificate);
  const auto ca_key = nodes::read_key(authority.key);
  if (X509_check_private_key(ca.get(), ca_key.get()) != 1) {
    throw std::runtime_error("`" + authority.key + "` is not the key of `" + authority.certificate
                             + "`");
  }
  auto request = request_for(name, options.days);
  request.hosts = options.hosts;
  const auto key = nodes::make_key();
  const auto made = nodes::issue_certificate(request, *key, {ca.get(), ca_key.get()});
  return write_both(paths, *made, *key, options.replace);
}

} // namespace troupe
