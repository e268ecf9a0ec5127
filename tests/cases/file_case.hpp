#pragma once

#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/value.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

/// One thing that must be true after a call of the program.
struct expectation {
  expression what;
  std::size_t line = 0; ///< in the file it was read from
};

/// One call of the program, and what must come out.
struct case_step {
  std::string command = "run";
  std::string file{}; ///< instead of the workflow of the case
  std::vector<std::string> arguments{};
  std::optional<std::vector<value>> inputs{}; ///< of many runs, one each
  bool json = true;                           ///< asks for machine output
  std::string save_as{};                      ///< where standard output goes, for later calls
  int exit_code = 0;
  std::vector<expectation> expectations{};
};

/// A workflow file, and what its calls must give: `NAME.yaml` and `NAME.expected.yaml`.
struct file_case {
  std::string name;
  std::string about;
  std::filesystem::path workflow;
  std::vector<std::pair<std::string, std::string>> environment{};
  std::vector<std::pair<std::string, std::string>> files{}; ///< beside the workflow
  std::vector<case_step> steps{};
};

/// Reads `NAME.expected.yaml`. Throws `std::invalid_argument` with everything that is wrong.
[[nodiscard]] file_case read_file_case(const std::filesystem::path& expected);

/// The names of all cases of a folder, sorted.
[[nodiscard]] std::vector<std::string> case_names(const std::filesystem::path& folder);

/// Calls `program` as the case says, with one more option for runs unless `hosting` is empty.
/// Returns what did not come out as expected; empty when all did.
[[nodiscard]] std::string check_case(const file_case& which, const std::string& program,
                                     const std::string& hosting);

} // namespace troupe::testing
