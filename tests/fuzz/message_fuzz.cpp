#include "branch_host.hpp"
#include "cache_exchange.hpp"
#include "dispatcher.hpp"
#include "session.hpp"
#include "shared_state.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::nodes;

namespace {

/// Takes whatever is sent; nothing is there.
class nowhere final : public dispatch_port,
                      public branch_host_port,
                      public branch_deployer,
                      public shared_port {
public:
  void tell_other(const std::string&, frame) override {}
  void send(std::uint64_t, frame) override {}
  void emit(const run_event&) override {}
  outcome<live> deploy(const value&) override {
    return live{[](step_request, std::shared_ptr<actors::mailbox>) {},
                [](request_id, std::shared_ptr<const failure>, const actors::mailbox*) {}};
  }
};

class deaf final : public actors::mailbox {
public:
  void put(actors::message) override {}
};

// A piece of work that results and events may be about: its dispatch number is 1.
void begin_work(dispatcher& of, const std::shared_ptr<actors::mailbox>& asker) {
  node_facts facts;
  facts.identity = make_node_identity("w");
  facts.credit = 10;
  facts.step_types = {"value"};
  branch_offer offer{{plan::use("x")}, "x"};
  offer.source = std::make_shared<const plan_source>();
  const auto branch = of.add_branch(std::move(offer));
  of.add_worker(1, facts, instant());
  step_request request;
  request.id = request_id{1};
  request.run = std::make_shared<run_scope>(run_id(), "", instant(), usage_limit{});
  request.meter = request.run->meter();
  of.start(branch, std::move(request), asker, instant());
}

} // namespace

// Frames of a peer that may say anything, to both sides of a conversation.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nowhere port;
  const auto asker = std::make_shared<deaf>();
  dispatcher home({}, port, 1, UINT32_MAX);
  begin_work(home, asker);
  branch_host guest({}, port, port, asker, [](const run_scope*, const usage&) {});
  guest.add_coordinator(1);
  cache_exchange caches(port, std::make_shared<cache_memories>(), "a");
  caches.set_members("a", {"a", "b"}, instant());
  shared_state sharing(
      port, "a", [](const auto&, auto, auto) {}, [](const auto&) {});
  sharing.add(std::make_shared<actors::shared_breaker>(breaker{.name = "x"}), instant());
  sharing.add(std::make_shared<actors::shared_rate_limit>(rate_limit{.name = "x"}));
  sharing.set_others({"b"}, instant());
  session talk({.max_body = 1u << 16, .max_gathering = 1u << 17});
  std::size_t at = 0;
  while (at + 2 <= size) {
    const std::size_t length = data[at] | std::size_t{data[at + 1]} << 8;
    at += 2;
    const auto count = std::min(length, size - at);
    const frame one(reinterpret_cast<const char*>(data) + at, count);
    at += count;
    auto messages = talk.receive({one});
    (void)talk.take_output();
    if (!messages) return 0;
    for (const auto& each : *messages) {
      if (auto facts = node_facts_from(each.item(0))) (void)incompatible(*facts, *facts);
      home.take_results(1, each, instant());
      home.take_progress(1, each, instant());
      guest.take_deploy(1, each);
      guest.take_work(1, each, instant());
      guest.take_cancel(1, each);
      guest.take_retire(1, each);
      (void)caches.take("b", each, instant());
      (void)sharing.take("b", each, instant());
      sharing.look(instant());
    }
  }
  home.flush();
  guest.flush();
  return 0;
}
