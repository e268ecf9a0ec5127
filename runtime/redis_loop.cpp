#include "redis_loop.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace troupe {

namespace {

using clock = std::chrono::steady_clock;

failure unusable(std::string why) {
  return {failure_kind::transient, std::move(why)};
}

// What a server says goes into messages: one line of it, and not too much.
std::string said_by_server(const std::string& text) {
  constexpr std::size_t most = 120;
  auto line = text.substr(0, std::min(most, text.find_first_of("\r\n")));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

std::string first_word(const std::string& text) {
  const auto line = said_by_server(text);
  return line.substr(0, line.find(' '));
}

int to_poll_time(instant due, instant now) {
  if (due == no_deadline) return -1;
  if (due <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now).count();
  return static_cast<int>(std::min<std::int64_t>(left, 60'000));
}

void ring(const owned_fd& bell) {
  const std::uint64_t one = 1;
  // It can only fail when it has been rung already.
  [[maybe_unused]] const auto written = ::write(bell.get(), &one, sizeof one);
}

} // namespace

redis_client::loop::loop(redis_address where, redis_options options)
    : where_(std::move(where)), shown_(shown(where_)), options_(options),
      wake_(std::make_shared<owned_fd>(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))),
      pause_(options.first_pause), random_(std::random_device()()) {
  if (!*wake_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void redis_client::loop::send(std::string command, bool tells, done answer) {
  order made{std::move(command), std::move(answer), tells};
  made.size = made.bytes.size();
  const auto orders = queued_.fetch_add(1) + 1;
  const auto bytes = queued_bytes_.fetch_add(made.size) + made.size;
  made.refused = orders > options_.max_queued || bytes > options_.max_queued_bytes;
  bool sleeper = false;
  {
    const std::scoped_lock lock(mutex_);
    inbox_.push_back(std::move(made));
    sleeper = std::exchange(asleep_, false);
    if (!thread_.joinable() && !stopping_)
      thread_ = std::thread([self = shared_from_this()] { self->run(); });
  }
  if (sleeper) wake();
}

void redis_client::loop::stop() {
  std::thread ending;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    ending = std::move(thread_);
  }
  wake();
  if (!ending.joinable()) return;
  if (ending.get_id() == std::this_thread::get_id()) ending.detach();
  else ending.join();
}

void redis_client::loop::wake() {
  ring(*wake_);
}

void redis_client::loop::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (bool stopping = false; !stopping || !waiting_.empty() || late_ < sent_.size();) {
    const auto now = clock::now();
    stopping = take_orders(now);
    give_up_late(now);
    move_on(now);
    wait_for_io(now, stopping);
  }
}

// Returns whether it is time to stop.
bool redis_client::loop::take_orders(instant now) {
  std::vector<order> fresh;
  bool stopping = false;
  {
    const std::scoped_lock lock(mutex_);
    fresh.swap(inbox_);
    stopping = stopping_;
  }
  for (auto& each : fresh) accept(std::move(each), now);
  return stopping;
}

void redis_client::loop::accept(order fresh, instant now) {
  if (fresh.refused || (failing_ && phase_ != phase::ready)) {
    finish(fresh, unusable(fresh.refused ? "too many commands wait for it" : trouble_), now);
    return forget(fresh);
  }
  if (phase_ == phase::ready) return transmit(std::move(fresh), now);
  fresh.deadline = later(now, options_.connect_limit);
  waiting_.push_back(std::move(fresh));
}

void redis_client::loop::transmit(order what, instant now) {
  if (sent_.empty()) last_progress_ = now;
  connection_->write(what.bytes);
  what.bytes = {};
  what.deadline = later(now, options_.command_limit);
  sent_.push_back(std::move(what));
}

void redis_client::loop::give_up_late(instant now) {
  while (!waiting_.empty() && waiting_.front().deadline <= now) {
    finish(waiting_.front(), unconnected(), now);
    forget(waiting_.front());
    waiting_.pop_front();
  }
  for (; late_ < sent_.size() && sent_[late_].deadline <= now; ++late_)
    finish(sent_[late_], late(), now);
  // A large answer may come in slowly; a server that says nothing at all is given up.
  if (late_ > 0 && now - last_progress_ >= options_.command_limit) close(late().message, now);
}

failure redis_client::loop::late() const {
  return unusable("it did not answer within " + to_string(options_.command_limit));
}

failure redis_client::loop::unconnected() const {
  return unusable("there is no connection within " + to_string(options_.connect_limit));
}

// Whatever can be done without hearing from outside.
void redis_client::loop::move_on(instant now) {
  if (phase_ == phase::resting) {
    if (failing_ ? now < retry_at_ : waiting_.empty()) return;
    attempt_ends_ = later(now, options_.connect_limit);
    // One that hangs is not joined by others.
    if (!query_)
      query_ = address_query::start(where_.host, where_.port, [wake = wake_] { ring(*wake); });
    phase_ = phase::resolving;
  }
  if (phase_ == phase::resolving && query_->ended()) {
    std::string why;
    addresses_ = query_->addresses(why);
    query_ = nullptr;
    if (addresses_.empty()) return close("its name cannot be resolved: " + why, now);
    connect_next(now);
  }
  if (phase_ == phase::connecting && now >= address_ends_ && !addresses_.empty()) connect_next(now);
  if (phase_ != phase::resting && phase_ != phase::ready && now >= attempt_ends_)
    close(unconnected().message, now);
}

// The first of the addresses that answers is taken; each has its share of the time.
void redis_client::loop::connect_next(instant now) {
  std::string why;
  while (!addresses_.empty()) {
    const auto share = (attempt_ends_ - now) / static_cast<std::int64_t>(addresses_.size());
    const auto where = addresses_.front();
    addresses_.erase(addresses_.begin());
    connection_.emplace(where);
    why = connection_->trouble();
    if (!why.empty()) continue;
    address_ends_ = later(now, share);
    phase_ = phase::connecting;
    return;
  }
  close(why, now);
}

void redis_client::loop::greet(instant now) {
  connection_->finish_connecting();
  if (const auto why = connection_->trouble(); !why.empty()) {
    if (addresses_.empty()) return close(why, now);
    return connect_next(now);
  }
  wants_password_ = !where_.password.empty();
  greetings_ = wants_password_ ? 2 : 1;
  if (wants_password_) {
    connection_->write(where_.user.empty() ? redis_command({"AUTH", where_.password})
                                           : redis_command({"AUTH", where_.user, where_.password}));
  }
  connection_->write(redis_command({"SELECT", std::to_string(where_.database)}));
  phase_ = phase::greeting;
}

instant redis_client::loop::next_event() const {
  auto due = no_deadline;
  const auto at = [&](instant other) { due = std::min(due, other); };
  if (!waiting_.empty()) at(waiting_.front().deadline);
  if (late_ < sent_.size()) at(sent_[late_].deadline);
  if (late_ > 0) at(later(last_progress_, options_.command_limit));
  if (phase_ == phase::resting && failing_) at(retry_at_);
  if (phase_ == phase::connecting && !addresses_.empty()) at(address_ends_);
  if (phase_ != phase::resting && phase_ != phase::ready) at(attempt_ends_);
  return due;
}

void redis_client::loop::wait_for_io(instant now, bool stopping) {
  if (connection_ && phase_ != phase::connecting && connection_->flush()) last_progress_ = now;
  if (connection_ && phase_ != phase::connecting && !connection_->trouble().empty())
    return close(connection_->trouble(), now);
  if (stopping && waiting_.empty() && late_ >= sent_.size()) return;
  {
    const std::scoped_lock lock(mutex_);
    if (!inbox_.empty() || stopping_ != stopping) return;
    asleep_ = true;
  }
  std::array<pollfd, 2> files{pollfd{wake_->get(), POLLIN, 0}, pollfd{-1, POLLIN, 0}};
  if (connection_) {
    files[1].fd = connection_->fd();
    const auto writes = phase_ == phase::connecting || connection_->wants_to_write();
    files[1].events = static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN);
  }
  (void)::poll(files.data(), files.size(), to_poll_time(next_event(), now));
  {
    const std::scoped_lock lock(mutex_);
    asleep_ = false;
  }
  if (files[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_->get(), &count, sizeof count);
  }
  if (files[1].revents != 0) handle_io(files[1].revents, clock::now());
}

void redis_client::loop::handle_io(short events, instant now) {
  if (phase_ == phase::connecting) return greet(now);
  if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return;
  if (connection_->receive()) last_progress_ = now;
  read_answers(now);
  if (!connection_ || connection_->trouble().empty()) return;
  const auto why = connection_->trouble();
  if (phase_ != phase::ready || !sent_.empty()) return close(why, now);
  // Servers close what is not used for a while. The next command connects again.
  connection_.reset();
  phase_ = phase::resting;
}

void redis_client::loop::read_answers(instant now) {
  while (connection_) {
    auto said = connection_->next();
    if (!said) return;
    if (phase_ == phase::greeting) take_greeting(*said, now);
    else take_answer(*std::move(said), now);
  }
}

void redis_client::loop::take_greeting(const redis_answer& said, instant now) {
  const auto was_password = std::exchange(wants_password_, false);
  if (said.what == redis_answer::kind::error) {
    // A password may be repeated in what it says about it.
    return was_password ? close("it refused the login: " + first_word(said.text), now)
                        : close("it says " + said_by_server(said.text), now);
  }
  if (--greetings_ == 0) get_ready(now);
}

void redis_client::loop::get_ready(instant now) {
  phase_ = phase::ready;
  failing_ = false;
  pause_ = options_.first_pause;
  addresses_.clear();
  for (auto& each : std::exchange(waiting_, {})) transmit(std::move(each), now);
}

void redis_client::loop::take_answer(redis_answer said, instant now) {
  if (sent_.empty()) return close("it answers what nobody asked", now);
  auto first = std::move(sent_.front());
  sent_.pop_front();
  if (late_ > 0) {
    --late_;
    return forget(first);
  }
  const auto is_error = said.what == redis_answer::kind::error;
  // What another program keeps under the key is no trouble of the server.
  if (is_error && !said.text.starts_with("WRONGTYPE"))
    finish(first, unusable("it says " + said_by_server(said.text)), now);
  else finish(first, std::move(said), now);
  forget(first);
}

void redis_client::loop::close(const std::string& why, instant now) {
  connection_.reset();
  addresses_.clear();
  phase_ = phase::resting;
  failing_ = true;
  trouble_ = why;
  std::uniform_real_distribution<double> share(0.5, 1.0);
  retry_at_ =
      now
      + duration(static_cast<std::int64_t>(static_cast<double>(pause_.count()) * share(random_)));
  pause_ = std::min(pause_ * 2, options_.max_pause);
  late_ = 0;
  for (auto& each : std::exchange(sent_, {})) {
    if (each.answer) finish(each, unusable(why), now);
    forget(each);
  }
  for (auto& each : std::exchange(waiting_, {})) {
    finish(each, unusable(why), now);
    forget(each);
  }
}

void redis_client::loop::finish(order& what, outcome<redis_answer> content, instant now) {
  if (content) outage_.succeeded();
  else outage_.failed(shown_ + ": " + content.why().message, now);
  redis_reply reply{std::move(content)};
  if (what.tells) reply.news = outage_.take_news();
  try {
    std::exchange(what.answer, nullptr)(std::move(reply));
  } catch (...) {
    // It has nobody left to tell.
  }
}

void redis_client::loop::forget(const order& what) {
  queued_.fetch_sub(1);
  queued_bytes_.fetch_sub(what.size);
}

} // namespace troupe
