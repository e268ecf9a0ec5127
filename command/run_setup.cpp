#include "run_setup.hpp"

#include "command_error.hpp"
#include "json_input.hpp"

#include <troupe/nodes/loopback.hpp>
#include <troupe/protocol/json.hpp>
#include <troupe/runtime/testing.hpp>

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::detail {

namespace {

constexpr std::size_t most_workflow_bytes = std::size_t{2} << 20;
constexpr std::size_t most_shown_input = 2'000;
// A seed of 0 is a seed like any other, but to the runtime it means: take any.
constexpr std::uint64_t seed_for_zero = 0x9E37'79B9'7F4A'7C15;

void forbid(bool both, const char* option, const char* other) {
  if (both) throw usage_error(std::string(option) + ": cannot be combined with " + other);
}

} // namespace

void check_together(const run_request& request) {
  const auto many = request.inputs.has_value();
  forbid(many && request.input, "--inputs", "--input");
  if (request.access.url) {
    forbid(request.virtual_time, "--virtual-time", "--cluster");
    forbid(request.seed.has_value(), "--seed", "--cluster");
    forbid(request.resume.has_value(), "--resume", "--cluster");
    forbid(request.state.has_value(), "--state", "--cluster");
  } else if (request.access.token_file || request.access.ca) {
    throw usage_error("--token-file and --ca are for --cluster URL");
  }
  forbid(many && request.resume, "--inputs", "--resume");
  forbid(many && request.state, "--inputs", "--state");
  forbid(request.answer && request.input, "--answer", "--input");
  if (request.answer && !request.resume) throw usage_error("--answer: is for --resume STATE");
  if (request.concurrency && !many) throw usage_error("--concurrency: is for --inputs FILE");
  if (request.resume && request.context) forbid(true, "--resume", "--context");
  if (request.resume && !request.settings.empty()) forbid(true, "--resume", "--set");
  if (request.resume && request.correlation_id) forbid(true, "--resume", "--correlation-id");
  if (request.correlation_id && request.correlation_id->empty()) {
    throw usage_error("--correlation-id: must not be empty");
  }
  int readers = request.file == "-" ? 1 : 0;
  for (const auto& each :
       {request.input, request.context, request.inputs, request.resume, request.answer}) {
    if (each == "-") ++readers;
  }
  if (readers > 1) throw usage_error("standard input can be read once: give one - only");
}

namespace {

std::uint64_t read_seed(const run_request& request) {
  if (!request.seed) return 0;
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  const auto seed = whole_number("--seed", *request.seed, 0, most);
  return seed == 0 ? seed_for_zero : seed;
}

} // namespace

value read_context(const std::optional<std::string>& context_option,
                   const std::vector<std::string>& settings, const value& of_file) {
  auto entries = of_file.is_null() ? value::map() : of_file;
  if (context_option) {
    const auto given = json_option("--context", *context_option);
    const auto* members = given.if_map();
    if (!members) {
      throw usage_error("--context: must be a JSON object, not " + std::string(kind_name(given)));
    }
    for (const auto& [key, content] : *members) entries = entries.with(key, content);
  }
  for (const auto& setting : settings) {
    const auto sign = setting.find('=');
    if (sign == std::string::npos || sign == 0) {
      throw usage_error("--set: must be KEY=VALUE, not '" + setting + "'");
    }
    entries = entries.with(setting.substr(0, sign), json_or_text(setting.substr(sign + 1)));
  }
  return entries;
}

workflow load_workflow(const std::string& path, const step_registry& registry, console& speaker) {
  try {
    auto file = path == "-" ? parse_workflow(
                    "<stdin>", read_text("-", "the workflow", most_workflow_bytes), registry)
                            : read_workflow(path, registry);
    if (!file.warnings.empty()) speaker.err.write(file.warnings);
    return file;
  } catch (const workflow_error& error) {
    throw usage_error(error.what(), true);
  }
}

run_setup read_setup(run_request request, std::vector<std::string> words,
                     const step_registry& registry, console& speaker) {
  check_together(request);
  const auto seed = read_seed(request);
  std::size_t concurrency = 1;
  if (request.concurrency) {
    concurrency = whole_number("--concurrency", *request.concurrency, 1, 100'000);
  }
  auto file = load_workflow(request.file, registry, speaker);
  run_setup setup{.request = std::move(request), .file = std::move(file)};
  const auto& given = setup.request;
  setup.words = std::move(words);
  setup.seed = seed;
  setup.concurrency = concurrency;
  setup.context = read_context(given.context, given.settings, setup.file.context);
  if (given.inputs) {
    setup.inputs = read_json_lines(*given.inputs);
  } else if (given.resume) {
    if (given.answer) setup.answer = json_or_text_option("--answer", *given.answer);
    else if (given.input) setup.answer = json_option("--input", *given.input);
  } else if (given.input) {
    setup.input = json_option("--input", *given.input);
  } else {
    setup.input = setup.file.input.value_or(value());
  }
  return setup;
}

run_options start_options(const run_setup& setup) {
  run_options options;
  options.context = context(setup.request.correlation_id.value_or(""), setup.context);
  options.correlation_id = setup.request.correlation_id.value_or("");
  options.limits = setup.file.limits;
  return options;
}

std::unique_ptr<runtime> make_runtime(const run_setup& setup,
                                      std::vector<std::shared_ptr<observer>> observers) {
  runtime_options options;
  options.observers = std::move(observers);
  options.log = false;
  options.random_seed = setup.seed;
  options.fuse_stages = !setup.request.unfused;
  const auto workers = setup.request.remote_steps ? std::make_shared<loopback_workers>(3) : nullptr;
  options.placer = workers;
  std::unique_ptr<runtime> made;
  if (setup.request.virtual_time) made = std::make_unique<testing::virtual_runtime>(options);
  else made = std::make_unique<runtime>(options);
  if (workers) workers->serve(*made);
  return made;
}

deployment<value, value> deploy(const run_setup& setup, runtime& home) {
  try {
    return setup.file.deploy(home);
  } catch (const plan_error& error) {
    throw usage_error(setup.file.file + ": " + error.what());
  }
}

std::string quote_for_shell(const std::string& word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char letter : word) {
    if (letter == '\'') quoted += "'\\''";
    else quoted += letter;
  }
  return quoted + "'";
}

std::string command_again(const run_setup& setup) {
  const auto& given = setup.request;
  if (given.file == "-" || given.resume || given.context == "-") return {};
  std::string line;
  for (std::size_t at = 0; at < setup.words.size(); ++at) {
    auto word = setup.words[at];
    // What came through standard input is not there a second time.
    const auto after_option = at > 0 && setup.words[at - 1] == "--input" && word == "-";
    if (after_option || word == "--input=-") {
      auto input = write_json(setup.input);
      if (input.size() > most_shown_input) return {};
      word = after_option ? std::move(input) : "--input=" + input;
    }
    line += (line.empty() ? "" : " ") + quote_for_shell(word);
  }
  return line;
}

void leave_if_stuck(const run_place& place, const runtime& home) {
  if (!place.signals.happened()) return;
  if (home.metrics().abandoned_steps == 0 && home.metrics().blocking_threads_busy == 0) return;
  restore_terminal();
  _exit(exit_cancelled);
}

} // namespace troupe::detail
