#include "name_lookup.hpp"

#include <atomic>
#include <system_error>
#include <thread>

namespace troupe::nodes {

namespace {

constexpr int max_lookups = 16;

std::atomic<int> lookups{0};

} // namespace

std::shared_ptr<name_lookup> name_lookup::start(const endpoint& where, std::function<void()> done) {
  auto made = std::make_shared<name_lookup>();
  if (lookups.fetch_add(1) >= max_lookups) {
    lookups.fetch_sub(1);
    made->finish(failure{failure_kind::transient,
                         "too many names are being looked up to find `" + where.host + "`"});
    return made;
  }
  try {
    std::thread([made, where, done = std::move(done)] {
      made->finish(resolve(where));
      lookups.fetch_sub(1);
      done();
    }).detach();
  } catch (const std::system_error& error) {
    lookups.fetch_sub(1);
    made->finish(failure{failure_kind::transient, std::string("no thread to look up `") + where.host
                                                      + "`: " + error.what()});
  }
  return made;
}

std::optional<name_lookup::addresses> name_lookup::result() const {
  const std::scoped_lock lock(mutex_);
  return result_;
}

void name_lookup::finish(addresses found) {
  const std::scoped_lock lock(mutex_);
  result_ = std::move(found);
}

} // namespace troupe::nodes
