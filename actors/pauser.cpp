#include <troupe/actors/pauser.hpp>
#include <troupe/actors/step_host.hpp>

namespace troupe {

value troupe_describe(const pause_options& options) {
  value::map_type about{{"prompt", options.prompt.identity()}};
  if (options.rule.expects != answer_rule::type::any) {
    about.emplace_back("expects", to_string(options.rule.expects));
  }
  if (!options.rule.choices.empty()) about.emplace_back("choices", value(options.rule.choices));
  return value::map(std::move(about));
}

void troupe_check(const pause_options& options, option_check& report) {
  report.require(static_cast<bool>(options.prompt), "prompt", "is missing; it says what to answer");
  for (const auto& choice : options.rule.choices) {
    const auto why = answer_rule{options.rule.expects, {}}.refuse(choice);
    report.require(!why, "choices", "has a choice that " + why.value_or(""));
  }
}

namespace actors {

std::string path_of(const stage_identity& who, const step_request& request) {
  auto path = who.path;
  for (const auto* turn = request.turns.get(); turn; turn = turn->outer.get()) {
    path += '#' + std::to_string(turn->index);
  }
  for (const auto* call = request.calls.get(); call; call = call->outer.get()) {
    path += '@' + std::to_string(call->index);
  }
  return path;
}

run_journal::place place_of(const stage_identity& who, const step_request& request) {
  auto path = path_of(who, request);
  const auto number = request.run->next_call_at(path);
  return {std::move(path), number};
}

class pause_call final : public call {
public:
  explicit pause_call(const pauser& home) : home_(home) {}

private:
  void start() override {
    auto where = place_of(identity(), request());
    const auto& journal = request().run->journal;
    if (const auto answered = journal ? journal->find(where) : std::nullopt) {
      return answer(replay(*answered, request().ctx));
    }
    if (const auto& given_up = request().run->given_up) {
      return fail({failure_kind::paused, given_up->message}); // nobody is asked any more
    }
    std::string prompt;
    try {
      prompt = home_.options.prompt(request().input, request().ctx, request());
    } catch (...) {
      return fail(current_failure());
    }
    emit({.kind = event_kind::run_paused, .detail = prompt});
    auto result = failed_result({failure_kind::paused, prompt});
    request().run->add_pause(result.why, {identity().name.str(), std::move(prompt),
                                          home_.options.rule, std::move(where)});
    answer(std::move(result));
  }

  const pauser& home_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, pauser parts) {
  return std::make_unique<straight_stage_of<pause_call, pauser>>(std::move(identity),
                                                                 std::move(parts));
}

} // namespace actors
} // namespace troupe
