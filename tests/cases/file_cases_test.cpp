// Every workflow of the folder `files` is run by the real program, and its results are looked at
// with the expressions beside it: as it is, with every stage in an actor of its own, and with every
// step as if on a worker.

#include "file_case.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace troupe::testing {
namespace {

const std::filesystem::path folder = TROUPE_CASE_FILES;

class file_case_test : public ::testing::Test {
public:
  file_case_test(std::string name, std::string hosting)
      : name_(std::move(name)), hosting_(std::move(hosting)) {}

  void TestBody() override {
    const auto which = read_file_case(folder / (name_ + ".expected.yaml"));
    const auto wrong = check_case(which, TROUPE_PROGRAM, hosting_);
    EXPECT_TRUE(wrong.empty()) << which.about << '\n' << wrong;
  }

private:
  std::string name_;
  std::string hosting_;
};

// `C-061` becomes the suite `C_061`.
std::string suite_of(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void add_case(const std::string& name, const char* way, const std::string& hosting) {
  ::testing::RegisterTest(suite_of(name).c_str(), way, nullptr, nullptr, __FILE__, __LINE__,
                          [=]() -> ::testing::Test* { return new file_case_test(name, hosting); });
}

TEST(file_cases, every_expected_file_has_its_workflow) {
  const auto names = case_names(folder);
  std::size_t expected = 0;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    if (each.path().string().ends_with(".expected.yaml")) ++expected;
  }
  EXPECT_EQ(expected, names.size());
}

} // namespace
} // namespace troupe::testing

int main(int count, char** words) {
  ::testing::InitGoogleMock(&count, words);
  for (const auto& name : troupe::testing::case_names(troupe::testing::folder)) {
    troupe::testing::add_case(name, "fused", "");
    troupe::testing::add_case(name, "unfused", "--unfused");
    troupe::testing::add_case(name, "remote", "--remote-steps");
  }
  return RUN_ALL_TESTS();
}
