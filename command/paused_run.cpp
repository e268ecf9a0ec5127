#include "paused_run.hpp"

#include "command_error.hpp"
#include "json_input.hpp"
#include "terminal_text.hpp"

#include <troupe/protocol/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace troupe::detail {

namespace {

constexpr std::size_t most_bytes = std::size_t{512} << 20;
constexpr decode_limits limits{.max_bytes = most_bytes, .max_depth = 512};

std::string reason() {
  return std::generic_category().message(errno);
}

bool write_all(int number, std::string_view text) {
  while (!text.empty()) {
    const auto count = write(number, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return fsync(number) == 0 || errno == EINVAL || errno == EROFS;
}

} // namespace

run_snapshot load_state(const std::string& path) {
  const auto text = read_text(path, "--resume", most_bytes);
  auto content = parse_json(text, limits);
  if (!content) {
    throw usage_error("--resume: " + path + " is no state of a run: " + content.why().message);
  }
  if (const auto status = content->at("status"); status.is_text()) {
    if (*status.if_text() != "paused") {
      throw usage_error("--resume: the run in " + path + " is not paused: its status is "
                        + one_line(*status.if_text()));
    }
    content = content->at("state");
  }
  auto state = run_snapshot_from(*content);
  if (!state) throw usage_error("--resume: " + path + ": " + state.why().message);
  return *std::move(state);
}

std::string default_state_file(const run_snapshot& state) {
  std::string name;
  for (const char letter : state.name.substr(0, 100)) {
    const auto plain =
        std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '-' || letter == '_';
    name += plain ? letter : '_';
  }
  // A file name that starts like an option would be taken for one.
  if (name.empty() || name.starts_with('-')) name.insert(0, "run");
  return name + '-' + state.run_id.to_string() + ".paused.json";
}

std::optional<std::string> save_state(const run_snapshot& state, const std::string& path) {
  const auto text = write_json(to_value(state), {.indent = 2}) + '\n';
  auto draft = path + ".XXXXXX";
  const int number = mkostemp(draft.data(), O_CLOEXEC);
  if (number < 0) return "cannot write " + path + ": " + reason();
  const auto written = write_all(number, text);
  const auto problem = errno;
  close(number);
  if (written && std::rename(draft.c_str(), path.c_str()) == 0) return std::nullopt;
  if (!written) errno = problem;
  auto why = "cannot write " + path + ": " + reason();
  unlink(draft.c_str());
  return why;
}

void answer_prompt::show(const pause_request& asked) {
  auto text = one_line(asked.step) + " asks: " + printable(asked.prompt) + '\n';
  std::string choices;
  for (const auto& choice : asked.rule.choices) {
    choices += (choices.empty() ? "" : ", ");
    choices += choice.is_text() ? *choice.if_text() : write_json(choice);
  }
  if (!choices.empty()) text += "one of: " + one_line(choices) + '\n';
  else if (asked.rule.expects != answer_rule::type::any) {
    text += "expects: " + std::string(to_string(asked.rule.expects)) + '\n';
  }
  console_.err.write(text);
}

std::optional<value> answer_prompt::read() {
  for (;;) {
    console_.err.write("> ");
    const auto line = read_line();
    if (!line) {
      console_.err.write("\n");
      return std::nullopt;
    }
    if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
    return json_or_text(*line);
  }
}

std::optional<std::string> answer_prompt::read_line() {
  for (;;) {
    if (const auto end = rest_.find('\n'); end != std::string::npos) {
      auto line = rest_.substr(0, end);
      rest_.erase(0, end + 1);
      return line;
    }
    std::array<pollfd, 2> ready{pollfd{STDIN_FILENO, POLLIN, 0},
                                pollfd{signals_.descriptor(), POLLIN, 0}};
    if (poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return std::nullopt;
    if (signals_.happened()) return std::nullopt;
    if (ready[0].revents == 0) continue;
    std::array<char, 4096> part{};
    const auto count = ::read(STDIN_FILENO, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    rest_.append(part.data(), static_cast<std::size_t>(count));
  }
}

} // namespace troupe::detail
