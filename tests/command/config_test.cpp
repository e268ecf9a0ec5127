#include "command_error.hpp"
#include "node_fixture.hpp"
#include "node_settings.hpp"

namespace troupe::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Config : public NodeTest {
protected:
  /// A setting that has won, and where it came from.
  struct winner {
    value content;
    std::string origin;
  };
  winner show(const std::string& setting, std::vector<std::string> more,
              environment_map environment = {}) const {
    more.insert(more.begin(), {"config", "show", "--json", "--origin"});
    const auto result = ask(std::move(more), std::move(environment));
    EXPECT_EQ(result.status, 0) << result.err;
    auto found = json_of(result.out);
    for (std::size_t from = 0; from <= setting.size();) {
      const auto end = std::min(setting.find('.', from), setting.size());
      found = found.at(setting.substr(from, end - from));
      from = end + 1;
    }
    return {found.at("value"), *found.at("origin").if_text()};
  }
  std::string complaint(std::vector<std::string> words, environment_map environment = {}) const {
    words.insert(words.begin(), {"config", "show"});
    const auto result = ask(std::move(words), std::move(environment));
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.out, IsEmpty());
    return result.err;
  }
};

/// A setting with a content for each place where it can be given: as files, variables and options
/// have it, and as it is shown.
struct layered {
  std::string path;
  std::string in_file;
  std::string in_variable;
  std::string in_option;
  std::vector<value> shown; ///< of these three
};

class ConfigOrder : public Config, public ::testing::WithParamInterface<layered> {};

TEST_P(ConfigOrder, IsDefaultThenFileThenEnvironmentThenOption) {
  const auto& about = GetParam();
  const auto& all = detail::all_node_settings();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const auto& each) { return each.path == about.path; });
  ASSERT_NE(found, all.end());
  const auto dot = about.path.find('.');
  write("t.yaml", dot == std::string::npos
                      ? "# one setting\n" + about.path + ": " + about.in_file + '\n'
                      : about.path.substr(0, dot) + ":\n  " + about.path.substr(dot + 1) + ": "
                            + about.in_file + '\n');
  const environment_map environment{{found->variable(), about.in_variable}};
  std::vector<std::string> words;
  EXPECT_EQ(show(about.path, words).origin, "default");
  words.insert(words.end(), {"--config", "t.yaml"});
  const auto of_file = show(about.path, words);
  EXPECT_EQ(of_file.origin, "t.yaml:2");
  EXPECT_EQ(of_file.content, about.shown[0]);
  const auto of_variable = show(about.path, words, environment);
  EXPECT_EQ(of_variable.origin, found->variable());
  EXPECT_EQ(of_variable.content, about.shown[1]);
  words.push_back(found->option());
  if (!about.in_option.empty()) words.push_back(about.in_option);
  const auto of_option = show(about.path, words, environment);
  EXPECT_EQ(of_option.origin, found->option());
  EXPECT_EQ(of_option.content, about.shown[2]);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, ConfigOrder,
    ::testing::Values(
        layered{"role", "worker", "coordinator", "worker", {"worker", "coordinator", "worker"}},
        layered{"name", "\"7\"", "b", "c", {"7", "b", "c"}},
        layered{"labels",
                "{ gpu: true }",
                "zone=a,gpu=no",
                "x=1",
                {value::map({{"gpu", "true"}}), value::map({{"gpu", "no"}, {"zone", "a"}}),
                 value::map({{"x", "1"}})}},
        layered{"listen", "10.0.0.1:1", "[::1]:2", "host", {"10.0.0.1:1", "[::1]:2", "host:7801"}},
        layered{"http", ":1", "h:2", "h", {"127.0.0.1:1", "h:2", "h:7800"}},
        layered{"coordinators",
                "[\"a:1\", b]",
                "c,d:4",
                "e",
                {value::list({"a:1", "b:7801"}), value::list({"c:7801", "d:4"}),
                 value::list({"e:7801"})}},
        layered{"tls.ca", "/a.pem", "b.pem", "c.pem", {"/a.pem", "b.pem", "c.pem"}},
        layered{"insecure", "true", "0", "", {true, false, true}},
        layered{"credit", "1", "2", "3", {1, 2, 3}},
        layered{"heartbeat", "1m30s", "2s", "300ms", {"1m30s", "2s", "300ms"}},
        layered{"runtime.blocking_threads", "1", "2", "3", {1, 2, 3}}),
    [](const auto& about) {
      auto name = about.param.path;
      std::erase_if(name, [](char letter) { return letter == '.' || letter == '_'; });
      return name;
    });

TEST_F(Config, IsShownAsAFileThatSaysTheSame) {
  const auto shown = ask({"config", "show", "--role", "worker", "--name", "w: 1", "--labels",
                          "gpu=true,n=1", "--coordinators", "a:1,b:2", "--tls-ca", "/ca.pem"});
  write("shown.yaml", shown.out);
  EXPECT_EQ(ask({"config", "show", "--config", "shown.yaml"}).out, shown.out);
  EXPECT_THAT(shown.out, AllOf(HasSubstr("credit: 256\n"), HasSubstr("  ca: /ca.pem\n"),
                               HasSubstr("heartbeat: 500ms\n")));
  const auto origins = ask({"config", "show", "--origin", "--config", "shown.yaml"}).out;
  EXPECT_THAT(origins, HasSubstr("# shown.yaml:1\n"));
}

TEST_F(Config, TakesTheFileOfTheUserUnlessAnotherIsNamed) {
  std::filesystem::create_directories(folder + "/.config/troupe");
  std::filesystem::create_directories(folder + "/xdg/troupe");
  write(".config/troupe/troupe.yaml", "credit: 7\n");
  write("xdg/troupe/troupe.yaml", "credit: 8\n");
  write("own.yaml", "credit: 9\n");
  EXPECT_EQ(show("credit", {}).origin, folder + "/.config/troupe/troupe.yaml:1");
  EXPECT_EQ(show("credit", {}, {{"XDG_CONFIG_HOME", folder + "/xdg"}}).content, value(8));
  const environment_map named{{"TROUPE_CONFIG", "own.yaml"}};
  EXPECT_EQ(show("credit", {}, named).content, value(9));
  EXPECT_EQ(show("credit", {"--config", "/dev/null"}, named).origin, "default");
}

TEST_F(Config, PrefersTheLaterOfTwoFiles) {
  write("system.yaml", "credit: 1\nname: a\n");
  write("user.yaml", "credit: 2\n");
  const detail::node_settings settings("troupe", {{folder + "/system.yaml", folder + "/user.yaml"},
                                                  [](const std::string&) { return std::nullopt; },
                                                  {}});
  EXPECT_EQ(settings.options().credit, 2U);
  EXPECT_EQ(settings.origin("credit"), folder + "/user.yaml:1");
  EXPECT_EQ(settings.origin("name"), folder + "/system.yaml:2");
}

TEST_F(Config, FindsTheFilesThatAFileNamesBesideIt) {
  std::filesystem::create_directories(folder + "/etc");
  write("etc/t.yaml", "tls: { ca: ca.pem, key: /abs.pem }\n");
  EXPECT_EQ(show("tls.ca", {"--config", "etc/t.yaml"}).content, value("etc/ca.pem"));
  EXPECT_EQ(show("tls.key", {"--config", "etc/t.yaml"}).content, value("/abs.pem"));
}

TEST_F(Config, NeverShowsTheToken) {
  write("token", "hush\n");
  const environment_map token{{"TROUPE_TOKEN", "hush"}};
  const auto text = ask({"config", "show", "--origin"}, token);
  EXPECT_THAT(text.out, MatchesRegex("(.|\n)*# api_token: \\(set\\) +# TROUPE_TOKEN\n"));
  EXPECT_THAT(text.out + text.err, Not(HasSubstr("hush")));
  EXPECT_EQ(show("api_token", {}, token).content, value("(set)"));
  EXPECT_TRUE(show("api_token", {}).content.is_null());
  EXPECT_EQ(show("api_token", {"--api-token-file", "token"}, token).origin, "--api-token-file");
  EXPECT_EQ(show("api_token", {}, {{"TROUPE_API_TOKEN_FILE", "token"}}).origin,
            "TROUPE_API_TOKEN_FILE");
  write("api_token", "hush\n");
  EXPECT_EQ(show("api_token", {}, {{"CREDENTIALS_DIRECTORY", folder}}).origin,
            "$CREDENTIALS_DIRECTORY/api_token");
}

TEST_F(Config, NamesEverythingThatIsWrongAtOnce) {
  write("t.yaml", "crdit: 5\nheartbeat: 3\nlisten: \"a:b\"\ntls: { crt: x }\nrole: workr\n");
  const auto errors = complaint({"--config", "t.yaml", "--max-queued", "0", "--labels", "gpu"},
                                {{"TROUPE_CREDIT", "many"}, {"TROUPE_INSECURE", "maybe"}});
  EXPECT_THAT(errors,
              AllOf(StartsWith("t.yaml:1:1: error: unknown key `crdit` in the file (did you mean "
                               "credit?) [unknown-key]\ncrdit: 5\n^\n"),
                    HasSubstr("t.yaml:2:12: error: `heartbeat` must be a duration"),
                    HasSubstr("t.yaml:3:9: error: `listen` cannot be read: `a:b` is no HOST:PORT"),
                    HasSubstr("t.yaml:4:8: error: unknown key `crt` in `tls`"),
                    HasSubstr("t.yaml:5:7: error: `role` must be coordinator or worker, not workr; "
                              "did you mean worker?")));
  EXPECT_THAT(errors, AllOf(HasSubstr("troupe: TROUPE_CREDIT must be a whole number, not many\n"),
                            HasSubstr("troupe: TROUPE_INSECURE must be true or false, not maybe\n"),
                            HasSubstr("troupe: --labels must be KEY=VALUE, not gpu\n"),
                            HasSubstr("troupe: --max-queued must be at least 1, not 0\n")));
  EXPECT_THAT(complaint({"--config", "none.yaml"}), HasSubstr("none.yaml:1:1: error: cannot read"));
  EXPECT_THAT(complaint({"--orphan-grace=-1s"}), HasSubstr("--orphan-grace must not be negative"));
}

TEST_F(Config, WarnsOfAVariableThatIsNearlyASetting) {
  const auto result = ask({"config", "show"}, {{"TROUPE_HEARTBAET", "1s"}, {"TROUPE_ZZZ", "1"}});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "troupe: warning: TROUPE_HEARTBAET is no setting; did you mean "
                        "TROUPE_HEARTBEAT?\n");
}

TEST_F(Config, IsDocumentedWithItsDefaults) {
  std::ifstream page(TROUPE_NODE_SETTINGS);
  std::vector<std::string> rows;
  for (std::string line; std::getline(page, line);) rows.push_back(line);
  const detail::node_settings none("troupe",
                                   {{}, [](const std::string&) { return std::nullopt; }, {}});
  for (const auto& each : detail::all_node_settings()) {
    const auto content = none.content(each);
    const auto shown = content.is_null()   ? std::string(" ")
                       : content.is_text() ? " `" + *content.if_text() + "` "
                                           : " `" + write_json(content) + "` ";
    EXPECT_THAT(rows, Contains(AllOf(StartsWith("| `" + std::string(each.path) + "` | `"
                                                + each.variable() + "` | "),
                                     HasSubstr(" |" + shown + "| "))))
        << each.path;
  }
}

TEST_F(Config, NeedsAnAction) {
  EXPECT_THAT(ask({"config"}).err, HasSubstr("config: ACTION is missing"));
  EXPECT_THAT(ask({"config", "shwo"}).err, HasSubstr("must be show, not shwo; did you mean show?"));
}

class Certs : public NodeTest {};

TEST_F(Certs, AreMadeForAnAuthorityAndItsNodes) {
  const auto made = ask({"certs", "init", "c"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(made.out, "c/ca.pem\nc/ca-key.pem\n");
  EXPECT_THAT(made.err, HasSubstr("no node needs it"));
  const auto nodes = ask({"certs", "node", "c", "a", "b", "--host", "a.example", "--days", "3"});
  EXPECT_EQ(nodes.out, "c/a.pem\nc/a-key.pem\nc/b.pem\nc/b-key.pem\n") << nodes.err;
}

TEST_F(Certs, AreNotReplacedUnlessThatIsAskedFor) {
  ASSERT_EQ(ask({"certs", "init", "c"}).status, 0);
  const auto before = read("c/ca.pem");
  const auto again = ask({"certs", "init", "c"});
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("`c/ca.pem` is there already; --replace makes it anew"));
  EXPECT_EQ(read("c/ca.pem"), before);
  EXPECT_EQ(ask({"certs", "init", "c", "--replace"}).status, 0);
  EXPECT_NE(read("c/ca.pem"), before);
}

TEST_F(Certs, SayWhatIsMissing) {
  const auto complaint = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "certs");
    const auto result = ask(std::move(words));
    EXPECT_EQ(result.status, 2);
    return result.err;
  };
  EXPECT_THAT(complaint({}), HasSubstr("ACTION is missing"));
  EXPECT_THAT(complaint({"nod", "c"}), HasSubstr("must be init or node, not nod; did you mean"));
  EXPECT_THAT(complaint({"init"}), HasSubstr("DIR is missing"));
  EXPECT_THAT(complaint({"node", "c"}), HasSubstr("NAME is missing"));
  EXPECT_THAT(complaint({"node", "c", "a"}), HasSubstr("make one with: troupe certs init c"));
  EXPECT_THAT(complaint({"init", "c", "a"}), HasSubstr("does not take another word: a"));
  EXPECT_THAT(complaint({"init", "c", "--days", "0"}), HasSubstr("--days"));
}

} // namespace
} // namespace troupe::testing
