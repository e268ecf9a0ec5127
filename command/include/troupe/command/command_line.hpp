#pragma once

#include <troupe/workflows/step_registry.hpp>

namespace troupe {

/// The whole `troupe` command with the step types of `registry`: a program that registers its own
/// steps calls this from `main` and returns what it returns.
///
///     int main(int argc, char** argv) {
///       troupe::step_registry registry;
///       registry.add("greet", [](const std::string& name) { return "hello " + name; });
///       return troupe::command_line(argc, argv, registry);
///     }
///
/// Exit codes: 0 done; 1 the run failed; 2 bad usage or invalid file; 3 cluster unreachable; 4 the
/// run is paused; 130 cancelled by Ctrl-C. Takes over SIGINT and SIGTERM while it works.
[[nodiscard]] int command_line(int argc, const char* const* argv,
                               const step_registry& registry = {});

} // namespace troupe
