#pragma once

#include <troupe/runtime/testing.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// Starts a run with these entries in its context.
inline run_options with_entries(value::map_type entries) {
  run_options how;
  how.context = context("", value::map(std::move(entries)));
  return how;
}

/// A scripted step that answers with a function of a whole number.
inline scripted_step number_step(std::string name, std::function<std::int64_t(std::int64_t)> f) {
  scripted_step made(std::move(name));
  made.answering([f = std::move(f)](const value& input, const context&) {
    return ok(f(*input.if_integer()));
  });
  return made;
}

/// The outputs of the step results that a block's output lists.
inline std::vector<value> outputs_in(const value& list) {
  std::vector<value> outputs;
  for (std::size_t index = 0; index < list.size(); ++index) {
    const auto item = list.at(index);
    const auto* result = unwrap_result(item);
    outputs.push_back(result ? result->output : value("no step result"));
  }
  return outputs;
}

} // namespace troupe::testing
