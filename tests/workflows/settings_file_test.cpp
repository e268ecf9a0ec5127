#include <troupe/protocol/json.hpp>
#include <troupe/workflows/settings_file.hpp>

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace troupe {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SettingsFile : public ::testing::Test {
protected:
  SettingsFile() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-XXXXXX").string();
    folder = mkdtemp(name.data());
  }
  ~SettingsFile() override { std::filesystem::remove_all(folder); }

  settings_file read(const std::string& text) const {
    const auto path = folder + "/s.yaml";
    std::ofstream(path) << text;
    return read_settings_file(path, fields);
  }

  std::string folder;
  std::vector<setting_field> fields{
      {"name", field_kind::text},
      {"credit", field_kind::integer,
       [](const value& content, const field_report& report) {
         if (*content.if_integer() < 1) report("", "must be at least 1");
       }},
      {"wait", field_kind::length},
      {"tls.ca", field_kind::text},
      {"tls.key", field_kind::text},
      {"peers", field_kind::list,
       [](const value& content, const field_report& report) {
         for (std::size_t at = 0; at < content.size(); ++at) {
           if (!content.at(at).is_text()) report(std::to_string(at), "must be text");
         }
       }},
  };
};

TEST_F(SettingsFile, GivesWhatIsThereWithItsLine) {
  const auto found = read("# of a test\nwait: 1m30s\ntls:\n  key: k.pem\npeers: [a, b]\n");
  EXPECT_THAT(found.errors, IsEmpty());
  ASSERT_THAT(found.settings, SizeIs(3));
  EXPECT_EQ(found.settings[0].path, "wait");
  EXPECT_EQ(found.settings[0].content, value("1m30s"));
  EXPECT_EQ(found.settings[0].line, 2U);
  EXPECT_EQ(found.settings[1].path, "tls.key");
  EXPECT_EQ(found.settings[1].line, 4U);
  EXPECT_EQ(write_json(found.settings[2].content), R"(["a","b"])");
}

TEST_F(SettingsFile, TakesNothingFromWhatIsEmpty) {
  for (const auto* text : {"", "# nothing\n", "name:\ntls:\n", "tls: { ca: null }\n"}) {
    const auto found = read(text);
    EXPECT_THAT(found.errors, IsEmpty()) << text;
    EXPECT_THAT(found.settings, IsEmpty()) << text;
  }
}

TEST_F(SettingsFile, NamesEveryErrorAtItsPlace) {
  const auto found = read("nmae: a\ncredit: 0\nwait: 30\ntls: { crt: x, ca: 5 }\npeers: [a, 7]\n");
  EXPECT_THAT(found.settings, IsEmpty());
  EXPECT_THAT(found.errors,
              AllOf(HasSubstr("s.yaml:1:1: error: unknown key `nmae` in the file (did you mean "
                              "name?) [unknown-key]\nnmae: a\n^\n"),
                    HasSubstr("s.yaml:2:9: error: `credit` must be at least 1 [bad-value]"),
                    HasSubstr("s.yaml:3:7: error: `wait` must be a duration"),
                    HasSubstr("s.yaml:4:8: error: unknown key `crt` in `tls`; it takes: ca, key"),
                    HasSubstr("s.yaml:4:20: error: `tls.ca` must be text; it is 5"),
                    HasSubstr("s.yaml:5:12: error: `peers.1` must be text")));
}

TEST_F(SettingsFile, SaysWhenTheFileIsNoneOfSettings) {
  EXPECT_THAT(read("- a\n").errors, HasSubstr("s.yaml:1:1: error: `the file` must be a map"));
  EXPECT_THAT(read("tls: yes\n").errors, HasSubstr("`tls` must be a map"));
  EXPECT_THAT(read("name: [\n").errors, HasSubstr("s.yaml:1:7: error: this bracket"));
  EXPECT_THAT(read_settings_file(folder, fields).errors, HasSubstr("[unreadable]"));
  EXPECT_THAT(read_settings_file(folder + "/none", fields).errors,
              HasSubstr("none:1:1: error: cannot read the file: No such file"));
}

} // namespace
} // namespace troupe
