#include "support/simulated_work.hpp"

#include <troupe/actors/retry_supervisor.hpp>
#include <troupe/actors/sequencer.hpp>
#include <troupe/protocol/digest.hpp>

#include <algorithm>
#include <stop_token>

namespace troupe::testing {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

branch_offer branch_script::offer() const {
  branch_offer made{{plan::use(name), "0/" + name}, name};
  made.hash = sha256({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
  made.labels = labels;
  made.step_types = {"simulated"};
  made.idempotent = !once;
  made.source = std::make_shared<const plan_source>(
      plan_source{"simulated.yaml", std::string(large ? 300'000 : 10, 'x')});
  return made;
}

std::string summary_of(const value& content) {
  const auto* text = content.if_text();
  if (!text) return content.is_null() ? "nothing" : "no text";
  if (text->size() < 100) return *text;
  return text->substr(0, 40) + std::to_string(text->size()) + ':'
         + std::to_string(std::hash<std::string>()(*text));
}

class simulated_engine::services final : public actors::engine_services,
                                         public actors::step_executor {
public:
  services(simulated_world& world, simulated_engine& home) : world_(world), home_(&home) {
    cancel_grace = 100ms;
  }
  void forget_home() { home_ = nullptr; }

  [[nodiscard]] instant now() override { return world_.time.now(); }
  [[nodiscard]] actors::step_executor& executor() override { return *this; }
  void emit(const run_event& event) override {
    if (home_ && home_->on_event) home_->on_event(event);
  }
  [[nodiscard]] std::shared_ptr<void> hold_clock() override { return nullptr; }
  bool sleep_until(instant, const std::stop_token& stop) override { return !stop.stop_requested(); }
  [[nodiscard]] bool submit(std::function<void()> work) override {
    home_->process().perform_after(world_.time.up_to(50ms), std::move(work));
    return true;
  }

private:
  simulated_world& world_;
  simulated_engine* home_;
};

class simulated_engine::mailbox final : public actors::mailbox {
public:
  explicit mailbox(simulated_engine& home) : home_(&home) {}
  void forget_home() { home_ = nullptr; }
  void put(actors::message content) override {
    if (!home_ || home_->process_->is_dead()) return;
    home_->inbox_.push_back(std::move(content));
    home_->wake(duration::zero());
  }

private:
  simulated_engine* home_;
};

/// A step at work, as the world sees it: it goes on until it has ended, whoever waits for it.
class simulated_engine::execution final : public std::enable_shared_from_this<execution> {
public:
  execution(simulated_engine& home, value_completion done, bool hangs, bool stubborn)
      : home_(home), done_(std::move(done)), hangs_(hangs), stubborn_(stubborn) {}

  void start(std::uint64_t number, duration takes, outcome<value> result) {
    number_ = number;
    request_ = static_cast<std::uint64_t>(*done_.context().ticket().if_integer());
    auto self = shared_from_this();
    on_stop_.emplace(done_.context().stop_token(),
                     [weak = weak_from_this()] { weak.lock()->stop(); });
    if (over_ || hangs_) return;
    home_.process_->perform_after(
        takes, [self = std::move(self), result = std::move(result)] { self->end(result); });
  }

private:
  void stop() {
    if (stubborn_) return;
    const auto end_now = [self = shared_from_this()] {
      self->end(failure{failure_kind::cancelled, "stopped"});
    };
    if (home_.world_.stops_late) return home_.process_->perform_after(3s, end_now);
    end_now();
  }

  void end(const outcome<value>& result) {
    if (std::exchange(over_, true)) return;
    const auto self = shared_from_this();
    home_.world_.note({.what = fact_kind::ended,
                       .request = request_,
                       .execution = number_,
                       .process = home_.process_->number(),
                       .failed = !result,
                       .text = result ? summary_of(*result) : result.why().message});
    home_.running_.erase(self);
    done_(result);
  }

  simulated_engine& home_;
  value_completion done_;
  bool hangs_;
  bool stubborn_;
  bool over_ = false;
  std::uint64_t number_ = 0;
  std::uint64_t request_ = 0;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

simulated_engine::simulated_engine(simulated_world& world,
                                   std::shared_ptr<simulated_process> process,
                                   const std::string& name)
    : world_(world), process_(std::move(process)),
      services_(std::make_shared<services>(world, *this)), box_(std::make_shared<mailbox>(*this)) {
  services_->node_name = name;
  engine_ = std::make_unique<actors::stage_engine>(*services_, box_, process_->number());
}

simulated_engine::~simulated_engine() {
  box_->forget_home();
  services_->forget_home();
  running_.clear();
}

std::shared_ptr<actors::mailbox> simulated_engine::box() const {
  return box_;
}

void simulated_engine::observe(std::uint32_t kinds) {
  services_->interests |= kinds;
}

void simulated_engine::close(const std::string& why) {
  box_->put(actors::close_message{
      std::make_shared<const failure>(failure{failure_kind::cancelled, why})});
}

bool simulated_engine::is_idle() const {
  return engine_->open_calls() == 0 && inbox_.empty() && running_.empty();
}

void simulated_engine::wake(duration wait) {
  if (std::exchange(awake_, true)) return;
  process_->perform_after(wait + world_.time.up_to(std::chrono::microseconds(50)), [this] {
    awake_ = false;
    take_turn();
  });
}

void simulated_engine::take_turn() {
  for (auto messages = 1 + world_.time.below(4); messages > 0 && !inbox_.empty(); --messages) {
    auto next = std::move(inbox_.front());
    inbox_.pop_front();
    engine_->deliver(std::move(next));
  }
  const auto has_more = engine_->run(1 + world_.time.below(20));
  if (has_more || !inbox_.empty()) return wake(duration::zero());
  const auto due = engine_->next_timer();
  if (!due || (alarm_ <= *due && alarm_ > world_.time.now())) return;
  alarm_ = *due;
  process_->perform_after(std::max(duration::zero(), *due - world_.time.now()),
                          [this] { wake(duration::zero()); });
}

std::uint32_t simulated_engine::add_branch(const branch_script& script) {
  const auto step = [&](const std::string& name) {
    const actors::step_host host{
        plan::make(plan_kind::step, name, {}, definition_of(script, name))};
    return add(name, host);
  };
  auto root = step(script.name);
  if (script.in_two_steps) {
    actors::sequencer both;
    both.children.push_back({{nullptr, root}, false});
    both.children.push_back({{nullptr, step(script.name + "-2")}, false});
    root = add("sequence", std::move(both));
  }
  if (script.retried) {
    retry options;
    options.max_retries = 2;
    options.initial_delay = 10ms;
    root = add("retry", actors::retry_supervisor{{nullptr, root}, options, nullptr});
  }
  return root;
}

std::uint64_t simulated_engine::note_start(const branch_script& script, const std::string& name,
                                           const step_context& context, duration stubborn_for) {
  const auto number = ++world_.last_execution;
  const auto* ticket = context.ticket().if_integer();
  world_.note({.what = fact_kind::started,
               .request = ticket ? static_cast<std::uint64_t>(*ticket) : 0,
               .execution = number,
               .process = process_->number(),
               .attempt = context.attempt(),
               .once = script.once,
               .stubborn_for = stubborn_for,
               .step = name});
  return number;
}

value simulated_engine::output_of(const branch_script& script, std::uint64_t number) {
  auto text = "made by " + std::to_string(number);
  if (script.large && world_.time.chance(0.3)) {
    text.resize(300'000 + world_.time.below(900'000));
    for (std::size_t at = 40; at < text.size(); at += 1000) {
      text[at] = static_cast<char>('a' + world_.time.below(26));
    }
  }
  return text;
}

outcome<value> simulated_engine::work_at_once(const branch_script& script, const std::string& name,
                                              step_context& context) {
  const auto number = note_start(script, name, context, {});
  const auto* ticket = context.ticket().if_integer();
  const auto fails = world_.time.chance(script.failing);
  const auto output = output_of(script, number);
  world_.note({.what = fact_kind::ended,
               .request = ticket ? static_cast<std::uint64_t>(*ticket) : 0,
               .execution = number,
               .process = process_->number(),
               .failed = fails,
               .text = summary_of(output)});
  if (fails) return failure{failure_kind::transient, "not now"};
  return output;
}

step_definition simulated_engine::definition_of(const branch_script& script,
                                                const std::string& name) {
  step_definition about;
  about.kind = script.kind;
  about.idempotent = !script.once;
  if (script.kind != step_kind::async) {
    about.work = plain_function([this, script, name](const value&, step_context& context) {
      return work_at_once(script, name, context);
    });
    return about;
  }
  about.work = async_function([this, script, name](const value&, value_completion done) {
    auto& time = world_.time;
    auto& context = done.context();
    const auto hangs = time.chance(script.hanging);
    const auto stubborn = !hangs && time.chance(script.stubborn);
    const auto longest = stubborn           ? 1500ms
                         : time.chance(0.4) ? 20ms
                         : time.chance(0.7) ? 150ms
                                            : 1s;
    const auto takes = time.up_to(longest);
    const auto number = note_start(script, name, context, stubborn ? takes : duration::zero());
    const auto ticket = static_cast<std::uint64_t>(*context.ticket().if_integer());
    if (time.chance(0.5)) {
      const auto tokens = 1 + time.below(9);
      world_.note({.what = fact_kind::spent,
                   .request = ticket,
                   .execution = number,
                   .process = process_->number(),
                   .amount = tokens});
      context.report_usage({0, static_cast<std::int64_t>(tokens)});
    }
    outcome<value> result = output_of(script, number);
    if (time.chance(script.failing)) {
      const auto kind = time.chance(0.5) ? failure_kind::transient : failure_kind::permanent;
      result = failure{kind, "not now"};
    }
    if (time.chance(script.deadly)) {
      time.call_after(time.up_to(5ms),
                      [&world = world_, process = process_->number()] { world.kill(process); });
    }
    auto made = std::make_shared<execution>(*this, std::move(done), hangs, stubborn);
    running_.insert(made);
    made->start(number, takes, std::move(result));
  });
  return about;
}

} // namespace troupe::testing
