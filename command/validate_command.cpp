#include "command_error.hpp"
#include "commands.hpp"
#include "json_input.hpp"

#include <troupe/protocol/json.hpp>
#include <troupe/runtime/testing.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <cstddef>

namespace troupe::detail {

namespace {

struct verdict {
  std::size_t errors = 0;
  std::string messages{}; ///< errors, or the warnings of a good file
};

verdict check(const std::string& path, const step_registry& registry) {
  try {
    const auto file =
        path == "-" ? parse_workflow("<stdin>", read_text("-", "the workflow", 2U << 20), registry)
                    : read_workflow(path, registry);
    testing::virtual_runtime home({.log = false});
    (void)file.deploy(home);
    return {0, file.warnings};
  } catch (const workflow_error& error) {
    return {error.errors(), error.what()};
  } catch (const plan_error& error) {
    std::string text;
    for (const auto& issue : error.issues())
      text += path + ":1:1: error: " + to_string(issue) + '\n';
    return {error.issues().size(), text};
  }
}

} // namespace

int validate_command(console& speaker, const validate_request& request,
                     const step_registry& registry) {
  bool all_good = true;
  value::list_type list;
  for (const auto& path : request.files) {
    const auto found = check(path, registry);
    const auto good = found.errors == 0;
    all_good = all_good && good;
    if (!found.messages.empty()) {
      const auto* end = found.messages.ends_with('\n') ? "" : "\n";
      speaker.err.write(found.messages + end);
    }
    if (request.json) {
      list.push_back(value::map({{"file", path},
                                 {"ok", good},
                                 {"errors", found.errors},
                                 {good ? "warnings" : "messages", found.messages}}));
    } else if (good) {
      speaker.out.line(path + ": ok");
    }
  }
  if (request.json) {
    const auto indent = speaker.out.is_terminal() ? 2 : -1;
    speaker.out.line(write_json(value(std::move(list)), {.indent = indent}));
  }
  if (!speaker.out.good()) return exit_run_failed;
  return all_good ? exit_done : exit_bad_usage;
}

} // namespace troupe::detail
