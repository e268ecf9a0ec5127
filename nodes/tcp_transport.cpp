#include "greeter.hpp"

#include <mutex>

namespace troupe::nodes {

namespace {

class tcp_transport final : public transport {
public:
  tcp_transport(const transport_options& options, std::optional<tls_context> tls)
      : loop_(options, counters_), greeter_(options, std::move(tls), loop_, counters_) {}
  ~tcp_transport() override { end(); }

  outcome<endpoint> listen(const endpoint& where, std::shared_ptr<link_handler> handler) override {
    return greeter_.listen(where, std::move(handler));
  }
  void connect(const endpoint& where, std::uint64_t ticket,
               std::shared_ptr<link_handler> handler) override {
    greeter_.connect(where, ticket, std::move(handler));
  }
  [[nodiscard]] const transport_counters& counters() const noexcept override { return counters_; }
  void shut_down() override { end(); }

private:
  void end() {
    const std::scoped_lock lock(ending_);
    greeter_.shut_down(); // first: it makes links
    loop_.shut_down();
  }

  std::mutex ending_;
  transport_counters counters_;
  link_loop loop_;
  greeter greeter_;
};

} // namespace

std::unique_ptr<transport> make_transport(transport_options options) {
  std::optional<tls_context> tls;
  if (options.tls.given()) tls.emplace(options.tls);
  return std::make_unique<tcp_transport>(options, std::move(tls));
}

} // namespace troupe::nodes
