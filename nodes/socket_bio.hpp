#pragma once

struct bio_st;

namespace troupe::nodes {

/// What OpenSSL reads from and writes to: a socket that it does not own. OpenSSL's own one writes
/// without MSG_NOSIGNAL, so a peer that goes away would end the process, unless SIGPIPE is ignored
/// in the whole of it, which is not for a library to decide. Null when there is no memory.
[[nodiscard]] bio_st* make_socket_bio(int socket);

} // namespace troupe::nodes
