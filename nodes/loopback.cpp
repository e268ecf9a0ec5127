#include "branch_host.hpp"
#include "dispatcher.hpp"
#include "serial_queue.hpp"
#include "session.hpp"

#include <troupe/nodes/loopback.hpp>

#include <functional>
#include <map>
#include <utility>
#include <variant>
#include <vector>

namespace troupe {

using namespace nodes;

class loopback_workers::implementation final : public dispatch_port,
                                               public branch_deployer,
                                               public std::enable_shared_from_this<implementation> {
public:
  explicit implementation(std::size_t count) : count_(count) {}

  void serve(runtime& home) {
    home_ = &home;
    dispatch_.emplace(dispatcher_options{}, *this, 1, 0);
    for (std::size_t index = 0; index < count_; ++index) {
      node_facts facts;
      facts.identity = make_node_identity(home.node_name());
      facts.credit = 1'000'000;
      facts_.push_back(facts);
      workers_.push_back(std::make_unique<worker_side>(*this, index + 1));
    }
  }

  actors::stage_ref place(branch_offer offer) {
    branch_number number = 0;
    // Of its own, since steps that only look the same may keep state inside one process.
    const auto name = std::to_string(++placed_);
    offer.hash = sha256({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
    parts_.insert_or_assign(to_hex(offer.hash), offer.branch);
    // Every worker has what is asked for: that is not what is looked at here.
    offer.labels.clear();
    offer.step_types.clear();
    offer.source = std::make_shared<const plan_source>();
    in_turn([&] {
      if (!joined_) {
        joined_ = true;
        for (std::size_t index = 0; index < count_; ++index) {
          workers_[index]->host.add_coordinator(index + 1);
          dispatch_->add_worker(index + 1, facts_[index], home_->now());
        }
      }
      number = dispatch_->add_branch(std::move(offer));
    });
    return {std::make_shared<branch_mailbox>(shared_from_this(), number), 0};
  }

  void send(worker_number to, frame body) override {
    post([this, to, body = std::move(body)] { arrive(*workers_[to - 1], body); });
  }

  void emit(const run_event&) override {}

  outcome<live> deploy(const value& about) override {
    const auto hash = about.at("hash");
    const auto served = home_->serve_branch(parts_.at(*hash.if_text()));
    return live{[served](step_request request, std::shared_ptr<actors::mailbox> reply_to) {
                  served->open(std::move(request), std::move(reply_to));
                },
                [served](request_id id, std::shared_ptr<const failure> reason,
                         const actors::mailbox* requester) {
                  served->cancel(id, std::move(reason), requester);
                }};
  }

private:
  using job = std::function<void()>;

  class branch_mailbox final : public actors::mailbox {
  public:
    branch_mailbox(std::shared_ptr<implementation> home, branch_number number)
        : home_(std::move(home)), number_(number) {}
    void put(actors::message content) override {
      home_->post([home = home_.get(), number = number_,
                   content = std::make_shared<actors::message>(std::move(content))] {
        home->take(number, *content);
      });
    }

  private:
    std::shared_ptr<implementation> home_;
    branch_number number_;
  };

  class results_mailbox final : public actors::mailbox {
  public:
    results_mailbox(implementation& home, std::size_t number) : home_(home), number_(number) {}
    void put(actors::message content) override {
      auto* end = std::get_if<actors::result_message>(&content);
      if (!end) return;
      const auto home = home_.shared_from_this();
      home_.post(
          [home, number = number_, result = std::make_shared<step_result>(std::move(end->result))] {
            home->workers_[number - 1]->host.take_result(std::move(*result));
          });
    }

  private:
    implementation& home_;
    std::size_t number_;
  };

  struct worker_side final : branch_host_port {
    worker_side(implementation& owner, std::size_t which)
        : home(owner), number(which),
          host({}, owner, *this, std::make_shared<results_mailbox>(owner, which),
               [owner = owner.weak_from_this(), which](const run_scope* run, const usage& spent) {
                 const auto alive = owner.lock();
                 if (!alive) return;
                 alive->post([&at = alive->workers_[which - 1]->host, run, spent] {
                   at.take_usage(run, spent);
                 });
               }) {}
    void send(coordinator_number, frame body) override {
      home.post([of = &home, from = number, body = std::move(body)] {
        const auto content = read_frame(body);
        const auto now = of->home_->now();
        if (content && content->kind == message_kind::results) {
          of->dispatch_->take_results(from, *content, now);
        } else if (content) {
          of->dispatch_->take_progress(from, *content, now);
        }
      });
    }
    implementation& home;
    std::size_t number;
    branch_host host;
  };

  void arrive(worker_side& at, const frame& body) {
    const auto content = read_frame(body);
    if (!content) return;
    switch (content->kind) {
    case message_kind::deploy: return at.host.take_deploy(at.number, *content);
    case message_kind::retire: return at.host.take_retire(at.number, *content);
    case message_kind::work: return at.host.take_work(at.number, *content, home_->now());
    case message_kind::cancel: return at.host.take_cancel(at.number, *content);
    default: return;
    }
  }

  void take(branch_number number, actors::message& content) {
    if (auto* start = std::get_if<actors::start_message>(&content)) {
      dispatch_->start(number, std::move(start->request), std::move(start->reply_to), home_->now());
    } else if (auto* cancel = std::get_if<actors::cancel_message>(&content)) {
      cancel->for_each([&](request_id id) {
        dispatch_->cancel(cancel->requester, id, cancel->request.reason, home_->now());
      });
    }
  }

  void post(job what) { queue_.post(std::move(what)); }

  void in_turn(const std::function<void()>& what) {
    queue_.do_in_turn(what, [](auto each) { return job(std::move(each)); });
  }

  void rest() {
    if (!dispatch_) return;
    dispatch_->flush();
    for (const auto& each : workers_) each->host.flush();
  }

  std::size_t count_;
  runtime* home_ = nullptr;
  bool joined_ = false;
  std::size_t placed_ = 0;
  std::map<std::string, plan_branch> parts_;
  std::vector<node_facts> facts_;
  std::optional<dispatcher> dispatch_;
  std::vector<std::unique_ptr<worker_side>> workers_;
  serial_queue<job> queue_{[](job& what) { what(); }, [this] { rest(); }};
};

loopback_workers::loopback_workers(std::size_t count)
    : implementation_(std::make_shared<implementation>(count)) {}

loopback_workers::~loopback_workers() = default;

void loopback_workers::serve(runtime& home) {
  implementation_->serve(home);
}

actors::stage_ref loopback_workers::place(branch_offer offer) {
  return implementation_->place(std::move(offer));
}

} // namespace troupe
