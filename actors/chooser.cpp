#include <troupe/actors/chooser.hpp>
#include <troupe/actors/step_host.hpp>

#include <algorithm>

namespace troupe::actors {

class branch_call final : public call {
public:
  explicit branch_call(const chooser& home) : home_(home) {}

private:
  void start() override {
    std::string key;
    try {
      key = home_.options.key(request().input, request().ctx, request());
    } catch (...) {
      return fail(current_failure());
    }
    auto place = find(key);
    if (place == home_.keys.end()) place = find("default");
    if (place == home_.keys.end()) return fail({failure_kind::permanent, no_match(key)});
    send(static_cast<std::uint64_t>(place - home_.keys.begin()),
         home_.branches[static_cast<std::size_t>(place - home_.keys.begin())].stage, request());
  }

  std::vector<std::string>::const_iterator find(const std::string& key) const {
    return std::find(home_.keys.begin(), home_.keys.end(), key);
  }

  std::string no_match(const std::string& key) const {
    std::string known;
    for (const auto& branch : home_.keys) known += (known.empty() ? "" : ", ") + branch;
    return "no branch matches " + key + "; there are: " + known;
  }

  void on_result(std::uint64_t index, step_result&& result) override {
    auto own = blank_result();
    own.output = result.output;
    own.why = result.why;
    own.ctx = result.ctx;
    own.spent = result.spent;
    append_history(own.step_history, std::move(result), home_.branches[index].spliced);
    own.edit_metadata(
        [&](step_metadata& metadata) { metadata.executed_branch = home_.keys[index]; });
    answer(std::move(own));
  }

  const chooser& home_;
};

std::unique_ptr<stage> make_stage(std::shared_ptr<stage_identity> identity, chooser parts) {
  return std::make_unique<straight_stage_of<branch_call, chooser>>(std::move(identity),
                                                                   std::move(parts));
}

} // namespace troupe::actors
