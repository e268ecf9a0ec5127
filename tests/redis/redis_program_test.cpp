#include "redis_fixture.hpp"

#include <troupe/workflows/workflow_file.hpp>

#include <filesystem>
#include <fstream>

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Workflow files whose caches are in Redis, run by the program.
class RedisProgram : public RedisFixture {
protected:
  RedisProgram() {
    auto name = (std::filesystem::temp_directory_path() / "troupe-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  ~RedisProgram() override { std::filesystem::remove_all(folder); }

  // Each run of its step leaves a line in a file.
  void write(const std::string& url) const {
    std::ofstream(folder + "/flow.yaml") << "troupe: 1\n"
                                            "caches:\n"
                                            "  answers: { ttl: 1h, scope: cluster, backend: \""
                                         << url
                                         << "\" }\n"
                                            "flow:\n"
                                            "  step: a\n"
                                            "  uses: exec\n"
                                            "  with: { argv: [sh, -c, 'echo x >> ran; echo y'] }\n"
                                            "  policies: [{ cache: answers }]\n";
  }
  program_result troupe(const std::string& verb) const {
    program_options here;
    here.directory = folder;
    return run_program({TROUPE_PROGRAM, verb, "flow.yaml"}, std::move(here));
  }
  [[nodiscard]] std::size_t times_run() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(folder + "/ran", none);
    return none ? 0 : size / 2;
  }
  std::string folder;
};

TEST_F(RedisProgram, TwoProcessesShareWhatTheyKeep) {
  write(server.url());
  const auto first = troupe("run");
  EXPECT_EQ(first.status, 0) << first.err;
  const auto second = troupe("run");
  EXPECT_EQ(second.out, first.out);
  EXPECT_THAT(second.err, HasSubstr("cache hit"));
  EXPECT_EQ(times_run(), 1u);
}

TEST_F(RedisProgram, AnOutageIsAWarningWithoutThePassword) {
  write(server.url(":s3cret@"));
  server.kill();
  const auto ran = troupe("run");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("steps run uncached meanwhile"), Not(HasSubstr("s3cret"))));
  EXPECT_EQ(times_run(), 1u);
}

TEST_F(RedisProgram, NoMessageShowsThePassword) {
  for (const auto* wrong :
       {"redis://me:s3cret@cache:port", "http://me:s3cret@cache", "redis://me:s3cret@cache/x"}) {
    write(wrong);
    const auto told = troupe("validate");
    EXPECT_EQ(told.status, 2);
    EXPECT_THAT(told.err + told.out,
                AllOf(HasSubstr("`backend` must be memory, or"), Not(HasSubstr("s3cret"))));
  }
  write("redis://me:s3cret@cache");
  EXPECT_THAT(troupe("graph").out, Not(HasSubstr("s3cret")));
}

} // namespace
} // namespace troupe::testing
