#include "command_fixture.hpp"

#include <troupe/command/command_line.hpp>

namespace troupe::testing {
namespace {

using ::testing::HasSubstr;

class CommandLine : public CommandTest {
protected:
  /// What a program of somebody else prints, with steps of its own.
  std::pair<int, std::string> run(std::vector<const char*> words) const {
    words.insert(words.begin(), "/usr/bin/greeter");
    step_registry registry;
    registry.add("greet", [](const std::string& name) { return "hello " + name; });
    ::testing::internal::CaptureStdout();
    const auto status = command_line(static_cast<int>(words.size()), words.data(), registry);
    return {status, ::testing::internal::GetCapturedStdout()};
  }
};

TEST_F(CommandLine, KnowsTheStepsOfTheProgramThatCallsIt) {
  write("greet.yaml", "troupe: 1\nname: g\nflow: { step: g, uses: greet }\n");
  const auto path = folder + "/greet.yaml";
  const auto [status, out] = run({"run", path.c_str(), "--input", "\"you\"", "-q"});
  EXPECT_EQ(status, 0);
  EXPECT_EQ(out, "hello you\n");
  EXPECT_THAT(run({"types"}).second, HasSubstr("greet"));
}

TEST_F(CommandLine, SpeaksUnderTheNameOfTheProgramThatCallsIt) {
  EXPECT_THAT(run({"--version"}).second, HasSubstr("greeter "));
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run({"nothing"}).first, 2);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("greeter: there is no command"));
}

} // namespace
} // namespace troupe::testing
