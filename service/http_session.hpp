#pragma once

#include "http_server.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <set>
#include <utility> // before Asio, which forgets it

namespace troupe::service {

class http_session;

/// What all connections share. Everything but the counters belongs to the thread of connections.
struct http_house {
  http_limits limits{};
  http_service service{};
  http_counters counters{};
  boost::asio::thread_pool handlers;
  std::set<http_session*> sessions{};
  bool closing = false;
  std::function<void()> on_empty{}; ///< called when the last session has gone

  explicit http_house(std::size_t threads) : handlers(threads) {}
};

/// One connection: reads requests one after the other, and writes their responses. Lives until it
/// is closed; all of it runs on the thread of connections.
class http_session {
public:
  virtual ~http_session() = default;
  /// Ends it once the request that is under way has its response; streams end at once.
  virtual void leave() = 0;
  /// Ends it now.
  virtual void close() = 0;
};

/// Takes over a connection; with a context, it speaks TLS.
void start_session(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls,
                   const std::shared_ptr<http_house>& house);

} // namespace troupe::service
