#pragma once

#include "dispatcher.hpp"

#include <troupe/actors/message.hpp>
#include <troupe/protocol/plan.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// Takes results as a stage would.
class requester final : public actors::mailbox {
public:
  void put(actors::message content) override {
    auto& end = std::get<actors::result_message>(content);
    results.emplace(static_cast<std::uint64_t>(end.result.id), std::move(end.result));
  }
  std::multimap<std::uint64_t, step_result> results;
};

/// A dispatcher whose workers are played by the test.
class dispatcher_fixture : public dispatch_port {
public:
  explicit dispatcher_fixture(dispatcher_options options = {}) : dispatch(options, *this, 1, 0) {}

  void send(worker_number to, frame body) override {
    auto read = read_frame(body);
    sent[to].push_back(*std::move(read));
  }
  void emit(const run_event& event) override {
    told.emplace_back(event.detail);
    told_of.emplace_back(event.node);
  }

  static branch_offer offer(bool idempotent = true,
                            std::vector<std::pair<std::string, std::string>> labels = {}) {
    branch_offer made{{plan::use("work")}, "work"};
    made.labels = std::move(labels);
    made.step_types = {"value"};
    made.idempotent = idempotent;
    made.source = std::make_shared<const plan_source>(plan_source{"f.yaml", "text"});
    return made;
  }

  static node_facts facts(const std::string& name, std::size_t credit,
                          std::map<std::string, std::string> labels = {}) {
    node_facts about;
    about.identity = make_node_identity(name);
    about.role = "worker";
    about.labels = std::move(labels);
    about.step_types = {"value"};
    about.credit = credit;
    return about;
  }

  void join(worker_number number, std::size_t credit,
            std::map<std::string, std::string> labels = {}) {
    dispatch.add_worker(number, facts("w" + std::to_string(number), credit, std::move(labels)),
                        now);
  }

  void start(branch_number branch, std::uint64_t id, const std::shared_ptr<run_scope>& run) {
    step_request request;
    request.id = request_id{id};
    request.run = run;
    request.meter = run->meter();
    request.input = id;
    dispatch.start(branch, std::move(request), asker, now);
  }
  void start(branch_number branch, std::uint64_t id) { start(branch, id, run()); }

  static std::shared_ptr<run_scope> run() {
    return std::make_shared<run_scope>(run_id::make(), "", instant{}, usage_limit{});
  }

  void cancel(std::uint64_t id) {
    dispatch.cancel(asker.get(), request_id{id},
                    std::make_shared<const failure>(failure{failure_kind::cancelled, "enough"}),
                    now);
  }

  /// The dispatch numbers a worker was sent, with the inputs.
  std::vector<std::pair<dispatch_number, value>> work_of(worker_number number) {
    dispatch.flush();
    std::vector<std::pair<dispatch_number, value>> all;
    for (const auto& each : sent[number]) {
      if (each.kind != message_kind::work) continue;
      for (std::size_t index = 0; index < each.size(); ++index) {
        const auto item = each.item(index);
        all.emplace_back(static_cast<dispatch_number>(*item.at(std::size_t{0}).if_integer()),
                         item.at(4));
      }
    }
    return all;
  }

  void answer(worker_number from, dispatch_number number, const value& output = "done") {
    step_result result;
    result.output = output;
    const run_scope counted(run_id(), "", instant{}, {});
    frame_writer message(message_kind::results);
    (void)write_result(message, number, result, {}, counted);
    dispatch.take_results(from, *read_frame(message.take()), now);
  }

  std::size_t count(worker_number number, message_kind kind) {
    dispatch.flush();
    std::size_t found = 0;
    for (const auto& each : sent[number]) found += each.kind == kind ? 1 : 0;
    return found;
  }

  const step_result& result_of(std::uint64_t id) {
    const auto found = asker->results.find(id);
    if (found == asker->results.end())
      throw std::out_of_range("no result of " + std::to_string(id));
    return found->second;
  }

  instant now{};
  std::map<worker_number, std::vector<message>> sent;
  std::vector<std::string> told;
  std::vector<std::string> told_of; ///< the nodes of the events
  std::shared_ptr<requester> asker = std::make_shared<requester>();
  dispatcher dispatch;
};

} // namespace troupe::nodes
