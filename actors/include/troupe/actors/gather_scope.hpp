#pragma once

#include <memory>
#include <vector>

namespace troupe::actors {

/// Something that keeps what a thread hands it until the thread's turn ends.
class gatherer {
public:
  virtual ~gatherer() = default;
  /// Passes on what was kept. Called once for each turn it was noted in.
  virtual void release() = 0;
};

/// A turn of the thread it lives on. Mailboxes and queues that are handed something meanwhile note
/// themselves here and pass it on together when the turn ends: one wake-up and one write instead of
/// many. Scopes do not nest: inside another one, a scope does nothing.
class gather_scope {
public:
  gather_scope();
  ~gather_scope();
  gather_scope(const gather_scope&) = delete;
  gather_scope& operator=(const gather_scope&) = delete;

  /// The scope of this thread, or null.
  [[nodiscard]] static gather_scope* current() noexcept;
  void note(std::shared_ptr<gatherer> of) { noted_.push_back(std::move(of)); }

private:
  bool outermost_;
  std::vector<std::shared_ptr<gatherer>> noted_;
};

} // namespace troupe::actors
