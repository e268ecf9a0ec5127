#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

struct exception {
  std::string_view rule;
  std::string_view path; // a file, or a folder when it ends in '/'
  std::string_view reason;
};

// All that is allowed to break a rule, and why.
constexpr exception exceptions[] = {
    {"words", "tests/tidy_test.cpp", "spells the words it forbids"},
    {"std::cout", "examples/", "printing is what examples do"},
    {"std::cout", "tests/package/", "the consumer prints what its test compares"},
    {"std::cout", "tests/planted_race.cpp", "its sum keeps the counter alive"},
    {"system_clock::now", "protocol/ids.cpp", "run ids start with the time of day"},
    {"system_clock::now", "runtime/", "the one place that reads clocks"},
    {"file length", "runtime/include/troupe/runtime/convert.hpp",
     "one conversion per kind of type, best read together"},
    {"unused header", "runtime/include/troupe/troupe.hpp", "is the list of the others"},
};

// Where each third-party library may be included. CAF has a rule of its own below.
struct reach {
  std::string_view include;
  std::vector<std::string_view> files;
};
const reach third_party[] = {
    {"msgpack", {"protocol/codec.cpp"}},
    {"nlohmann/", {"protocol/json.cpp"}},
    {"boost/", {"service/http_server.cpp", "service/http_session.cpp", "service/http_session.hpp"}},
    {"openssl/",
     {"protocol/digest.cpp", "service/api.cpp", "nodes/byte_channel.cpp",
      "nodes/certificate_issue.cpp", "nodes/certificates.cpp", "nodes/openssl_handles.cpp",
      "nodes/socket_bio.cpp", "nodes/tls_context.cpp"}},
    {"spdlog/", {"runtime/log_observer.cpp"}},
    {"curl/", {"runtime/http_client.cpp", "service/client_connection.cpp"}},
    {"re2/", {"expressions/text_pattern.cpp"}},
    {"yaml-cpp/", {"workflows/yaml_document.cpp"}},
    {"hiredis/", {"runtime/redis_protocol.cpp"}},
    {"CLI/",
     {"command/command_line.cpp", "command/cluster_parser.cpp", "command/node_parser.cpp",
      "command/option_makers.hpp"}},
};

struct banned_word {
  std::string_view word;
  std::string_view instead;
};
constexpr banned_word banned_everywhere[] = {
    {"TODO", "open an issue"},
    {"FIXME", "open an issue"},
    {"/work/", "a path relative to the source tree"},
    {"/root/", "a path relative to the source tree"},
};
constexpr banned_word banned_in_code[] = {
    {"std::cout", "an observer, or a return value"},
    {"rand(", "policies/random.hpp, seeded by the caller"},
    {"system_clock::now", "the instant that was passed in"},
};

struct file {
  std::string path; // relative to the root, with '/'
  std::vector<std::string> lines;

  bool in(std::string_view folder) const { return path.starts_with(folder); }
  bool is_header() const { return path.ends_with(".hpp"); }
  bool is_code() const { return is_header() || path.ends_with(".cpp"); }
  bool is_public_header() const {
    return is_header() && path.find("/include/troupe/") != std::string::npos;
  }
  std::string at(std::size_t line) const { return path + ":" + std::to_string(line + 1) + ": "; }
};

bool is_left_out(const fs::path& entry) {
  const auto name = entry.filename().string();
  return name == ".git" || name == "out" || name == "build" || name.starts_with("build-")
         || name == ".cache" || name == ".ccache";
}

std::optional<file> read(const fs::path& path, const fs::path& root) {
  std::ifstream in{path, std::ios::binary};
  file result{.path = path.lexically_relative(root).generic_string(), .lines = {}};
  for (std::string line; std::getline(in, line);) {
    if (line.find('\0') != std::string::npos) return std::nullopt;
    result.lines.push_back(std::move(line));
  }
  return result;
}

const std::vector<file>& tree() {
  static const auto files = [] {
    std::vector<file> found;
    const fs::path root{TROUPE_SOURCE_DIR};
    for (fs::recursive_directory_iterator at{root}, end; at != end; ++at) {
      if (is_left_out(at->path())) at.disable_recursion_pending();
      else if (at->is_regular_file())
        if (auto text = read(at->path(), root)) found.push_back(std::move(*text));
    }
    std::sort(found.begin(), found.end(),
              [](const file& a, const file& b) { return a.path < b.path; });
    return found;
  }();
  return files;
}

std::vector<file> code() {
  std::vector<file> result;
  std::copy_if(tree().begin(), tree().end(), std::back_inserter(result),
               [](const file& f) { return f.is_code(); });
  return result;
}

bool is_excepted(std::string_view rule, const file& where) {
  return std::any_of(std::begin(exceptions), std::end(exceptions), [&](const exception& e) {
    if (e.rule != rule) return false;
    return e.path.ends_with('/') ? where.in(e.path) : where.path == e.path;
  });
}

bool continues_a_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

/// Whether `line` has `word`, and not merely as the end of a longer name.
bool has_word(std::string_view line, std::string_view word) {
  const bool is_name = continues_a_name(word.front());
  for (auto at = line.find(word); at != line.npos; at = line.find(word, at + 1))
    if (at == 0 || !is_name || !continues_a_name(line[at - 1])) return true;
  return false;
}

using complaints = std::vector<std::string>;

template <class Words>
void look_for(const Words& words, const file& where, complaints& found) {
  if (is_excepted("words", where)) return;
  for (const auto& [word, instead] : words) {
    if (is_excepted(word, where)) continue;
    for (std::size_t i = 0; i < where.lines.size(); ++i)
      if (has_word(where.lines[i], word))
        found.push_back(where.at(i) + "`" + std::string{word} + "`; use " + std::string{instead});
  }
}

/// What stands between the brackets or quotes of an include, or nothing.
std::optional<std::string> included(std::string_view line) {
  if (!line.starts_with("#include ") || line.size() < 12) return std::nullopt;
  line.remove_prefix(10);
  return std::string{line.substr(0, line.find_first_of(">\""))};
}

std::set<std::string> includes_of(const file& where) {
  std::set<std::string> result;
  for (const auto& line : where.lines)
    if (auto name = included(line)) result.insert(*name);
  return result;
}

std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool opens_something(std::string_view line, std::size_t indent) {
  if (line.size() <= indent || line.find_first_not_of(' ') != indent) return false;
  const auto rest = line.substr(indent);
  return !rest.starts_with('}') && !rest.starts_with('#') && !rest.starts_with("//");
}

/// The functions of a formatted file, as first and last line: each ends in a brace alone in its
/// column and starts at the last line before that begins in the same column.
std::vector<std::pair<std::size_t, std::size_t>> functions_of(const file& where) {
  std::vector<std::pair<std::size_t, std::size_t>> result;
  for (const std::size_t indent : {0U, 2U}) {
    std::size_t start = 0;
    const auto close = std::string(indent, ' ') + "}";
    for (std::size_t i = 0; i < where.lines.size(); ++i) {
      if (opens_something(where.lines[i], indent)) start = i;
      else if (where.lines[i] == close) result.emplace_back(start, i);
    }
  }
  return result;
}

bool may_name_caf(const file& where) {
  if (where.in("tests/") || where.in("benchmarks/")) return true;
  if (where.in("actors/stage_actor.") || where.in("actors/stage_system.cpp")) return true;
  if (where.in("actors/caf_bridge.")) return true;
  if (where.in("examples/actors_of_your_own.cpp")) return true;
  if (where.path == "actors/include/troupe/actors/caf_interop.hpp") return true;
  return (where.in("runtime/") || where.in("nodes/")) && where.path.ends_with(".cpp");
}

TEST(Tidy, FindsTheSourceTree) {
  EXPECT_GT(code().size(), 50U) << "the other tests would pass for lack of files";
}

TEST(Tidy, LinesFitIntoAHundredColumns) {
  complaints found;
  for (const auto& f : code()) {
    if (is_excepted("columns", f)) continue;
    for (std::size_t i = 0; i < f.lines.size(); ++i)
      if (columns(f.lines[i]) > 100) found.push_back(f.at(i) + "over 100 columns");
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, FunctionsFitOnAScreen) {
  complaints found;
  for (const auto& f : code()) {
    if (is_excepted("function length", f)) continue;
    for (auto [first, last] : functions_of(f))
      if (last - first + 1 > 60)
        found.push_back(f.at(first) + std::to_string(last - first + 1) + " lines; split it");
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, FilesStayShort) {
  complaints found;
  for (const auto& f : code()) {
    const std::size_t limit = f.is_header() ? 250 : 500;
    if (f.lines.size() > limit && !is_excepted("file length", f))
      found.push_back(f.path + ": " + std::to_string(f.lines.size()) + " lines, the limit is "
                      + std::to_string(limit));
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, BannedWordsAreReplaced) {
  complaints found;
  for (const auto& f : tree()) {
    look_for(banned_everywhere, f, found);
    if (!f.is_code()) continue;
    look_for(banned_in_code, f, found);
    if (f.in("tests/"))
      look_for(std::vector{banned_word{"this_thread::sleep", "virtual time, or wait for a fact"}},
               f, found);
    if (f.is_header())
      look_for(std::vector{banned_word{"using namespace", "qualified names"}}, f, found);
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, CafStaysInAFewFiles) {
  complaints found;
  for (const auto& f : code()) {
    if (may_name_caf(f) || is_excepted("caf", f)) continue;
    for (std::size_t i = 0; i < f.lines.size(); ++i)
      if (has_word(f.lines[i], "caf::") || has_word(f.lines[i], "<caf/"))
        found.push_back(
            f.at(i) + "CAF belongs in stage_actor, stage_system, caf_bridge, runtime/ and nodes/");
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, ThirdPartyLibrariesStayBehindTheirOneDoor) {
  complaints found;
  for (const auto& f : code()) {
    if (f.in("tests/") || f.in("examples/") || f.in("benchmarks/")) continue;
    for (const auto& name : includes_of(f))
      for (const auto& [include, files] : third_party)
        if (name.starts_with(include) && std::count(files.begin(), files.end(), f.path) == 0)
          found.push_back(f.path + " includes <" + name + ">");
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, EveryPublicHeaderIsIncludedByATest) {
  const std::string umbrella = "troupe/troupe.hpp";
  std::map<std::string, const file*> headers;
  std::set<std::string> tested;
  for (const auto& f : tree()) {
    if (f.is_public_header()) headers[f.path.substr(f.path.find("/include/") + 9)] = &f;
    const bool tests = f.in("tests/") && !f.in("tests/compile_fail/");
    if (f.is_code() && tests) tested.merge(includes_of(f));
  }
  if (tested.contains(umbrella) && headers.contains(umbrella))
    tested.merge(includes_of(*headers[umbrella]));

  complaints found;
  for (const auto& [name, header] : headers)
    if (!tested.contains(name) && !is_excepted("unused header", *header))
      found.push_back("no test includes <" + name + ">");
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, EveryPublicHeaderIsInstalled) {
  std::map<std::string, std::string> installed; // what the layers' own CMakeLists.txt say
  for (const auto& f : tree()) {
    if (!f.path.ends_with("/CMakeLists.txt")) continue;
    for (const auto& line : f.lines) installed[f.path] += line + ' ';
  }
  complaints found;
  for (const auto& f : tree()) {
    if (!f.is_public_header()) continue;
    const auto list = f.path.substr(0, f.path.find('/')) + "/CMakeLists.txt";
    const auto name = f.path.substr(f.path.rfind('/') + 1) + ' ';
    const auto& said = installed[list];
    if (said.find(' ' + name) == said.npos && said.find('/' + name) == said.npos)
      found.push_back(list + " does not list " + name);
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, MarkdownFilesHaveOneTitle) {
  complaints found;
  for (const auto& f : tree()) {
    if (!f.path.ends_with(".md") || is_excepted("title", f)) continue;
    bool in_code = false;
    int titles = 0;
    for (const auto& line : f.lines) {
      if (line.starts_with("```")) in_code = !in_code;
      else if (!in_code && line.starts_with("# ")) ++titles;
    }
    if (titles != 1) found.push_back(f.path + ": " + std::to_string(titles) + " titles");
  }
  EXPECT_THAT(found, IsEmpty());
}

TEST(Tidy, EveryExceptionIsAboutAFileThatExists) {
  complaints found;
  for (const auto& e : exceptions) {
    const bool exists =
        std::any_of(tree().begin(), tree().end(), [&](const file& f) { return f.in(e.path); });
    if (!exists) found.push_back(std::string{e.path} + ": " + std::string{e.rule});
  }
  EXPECT_THAT(found, IsEmpty());
}

} // namespace
