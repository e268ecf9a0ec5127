#pragma once

#include <string>
#include <vector>

namespace troupe {

/// A certificate and the private key that belongs to it, in PEM form.
struct certificate_paths {
  std::string certificate;
  std::string key; ///< only its owner may read it
};

struct ca_options {
  int days = 3650;                     ///< from now on; at least 1
  std::string name = "troupe cluster"; ///< what people call the authority
  bool replace = false;                ///< of files that are there already
};

struct node_certificate_options {
  int days = 825;                   ///< from now on; at least 1
  std::vector<std::string> hosts{}; ///< names and addresses of the machine, for who checks them
  bool replace = false;
};

/// Makes the authority of a cluster: `ca.pem` and `ca-key.pem` in the folder, which is made if need
/// be. Who has the key can make members of the cluster; the nodes do not need it. Throws
/// `std::runtime_error` that names the file, and `std::invalid_argument` for options out of range.
certificate_paths make_cluster_ca(const std::string& folder, const ca_options& options = {});

/// Makes `NAME.pem` and `NAME-key.pem` in the folder, signed by the authority there. The name is
/// what peers see; it may have letters, digits, and `.`, `-`, `_` between them. Throws like
/// `make_cluster_ca`.
certificate_paths make_node_certificate(const std::string& folder, const std::string& name,
                                        const node_certificate_options& options = {});

} // namespace troupe
