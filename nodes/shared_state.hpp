#pragma once

#include "shared_port.hpp"
#include "wire.hpp"

#include <troupe/actors/admission_gate.hpp>
#include <troupe/actors/breaker_guard.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::nodes {

/// The breakers and rate limits that a coordinator shares with the others.
///
/// Each decides by what it knows, so no call waits for the network. At every `look` the
/// coordinators tell each other what calls have shown (a delta) and where breakers stand; the
/// standing with the greater epoch holds. Probes of a breaker are leased by its home. What is told
/// of a breaker that is not declared here is kept until it is.
///
/// Used in the node's turn. Pure but for the locks of the breakers: time and the wire are
/// arguments.
class shared_state {
public:
  /// Tells observers what has become of a breaker without a call of this process.
  using change_teller =
      std::function<void(const std::string& name, breaker_phase from, breaker_phase to)>;
  using warner = std::function<void(const std::string& text)>;

  shared_state(shared_port& port, std::string own, change_teller changed, warner warn);

  void add(std::shared_ptr<actors::shared_breaker> shared, instant now);
  void add(std::shared_ptr<actors::shared_rate_limit> shared);

  /// The other coordinators that there are links to, sorted.
  void set_others(std::vector<std::string> others, instant now);
  [[nodiscard]] const std::vector<std::string>& others() const noexcept { return others_; }
  /// What another coordinator said. `malformed` for what makes no sense: the link is to be closed.
  outcome<bool> take(const std::string& from, const message& content, instant now);
  /// Tells the others what has happened here. To be called a few times a second.
  void look(instant now);
  /// Who gives out the probes of that breaker: this coordinator unless it is shared.
  [[nodiscard]] const std::string& home_of(const std::string& breaker) const;

private:
  struct breaker_entry {
    std::shared_ptr<actors::shared_breaker> shared;
    std::string options; ///< a sum over them
    breaker_standing told{};
    bool is_told = false;
    std::set<std::string> sharers{}; ///< others who have declared it
    std::string home{};
    std::optional<std::pair<std::string, breaker_permit>> lease{}; ///< to whom, while home
    bool misfits = false; ///< others have other options, and people were told
  };
  struct limit_entry {
    std::shared_ptr<actors::shared_rate_limit> shared;
    std::string options;
    bool misfits = false;
  };
  struct heard_standing {
    breaker_standing standing{};
    instant at{};
    std::string options{};
    std::set<std::string> sharers{};
  };

  void look_at(const std::string& name, breaker_entry& of, instant now, frame_writer& news);
  void speak_with_home(const std::string& name, breaker_entry& of, instant now);
  outcome<bool> take_item(const std::string& from, const value& news, instant now);
  outcome<bool> take_standing(const std::string& from, const value& news, instant now);
  void take_spent(const std::string& from, const value& news, instant now);
  void take_wish(const std::string& from, const value& news, instant now);
  void take_lease(const std::string& from, const value& news, instant now);
  void take_probe(const std::string& from, const value& news, instant now);
  void keep(const std::string& from, const std::string& name, std::string options,
            const breaker_standing& standing, instant now);
  [[nodiscard]] static std::int64_t take_spent_of(limit_entry& of);
  void choose_home(const std::string& name, breaker_entry& of, instant now);
  void end_lease(const std::string& name, breaker_entry& of, breaker_verdict verdict, instant now);
  template <class Use>
  void change(const std::string& name, breaker_entry& of, Use&& use);
  template <class Entry>
  [[nodiscard]] bool fits(const char* kind, const std::string& name, Entry& mine,
                          const std::string& theirs, const std::string& from);
  void say(const std::string& to, const std::vector<value>& item);

  shared_port& port_;
  std::string own_;
  change_teller changed_;
  warner warn_;
  std::vector<std::string> others_;
  std::map<std::string, breaker_entry> breakers_;
  std::map<std::string, limit_entry> limits_;
  std::map<std::string, heard_standing> heard_; ///< of what is not declared here
};

} // namespace troupe::nodes
