#include "file_case.hpp"

#include "support/program_runner.hpp"
#include "yaml_document.hpp"

#include <troupe/protocol/json.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace troupe::testing {

namespace {

constexpr std::string_view expected_suffix = ".expected.yaml";
constexpr std::array<std::string_view, 4> variables{"result", "lines", "errors", "output"};
// Expectations look at every entry of long histories.
constexpr expression_limits generous{.max_cost = 100'000'000};

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

/// A folder of its own, gone with the object.
class temporary_folder {
public:
  temporary_folder() {
    auto name = (std::filesystem::temp_directory_path() / "troupe-case-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
  std::filesystem::path path_;
};

/// Reads the parts of an expected file; the first thing that is wrong ends it.
class expected_reader {
public:
  explicit expected_reader(const std::filesystem::path& path)
      : source_{path.filename().string(), read_text(path)} {}

  file_case read() {
    std::vector<diagnostic> found;
    const auto root = read_yaml(source_, found);
    if (!root || !found.empty()) throw std::invalid_argument(render(found, source_));
    file_case made;
    for (const auto& [key, at, content] : root->members) {
      if (key == "about") made.about = text(content);
      else if (key == "env") made.environment = texts_by_name(content);
      else if (key == "files") made.files = texts_by_name(content);
      else if (key == "runs") {
        for (const auto& each : content.items) made.steps.push_back(step(each));
      } else refuse(at, "unknown key " + key);
    }
    if (made.about.empty()) refuse(root->at, "`about` is missing");
    if (made.steps.empty()) refuse(root->at, "there are no `runs`");
    return made;
  }

private:
  [[noreturn]] void refuse(text_position at, const std::string& message) const {
    throw std::invalid_argument(render(diagnostic{at, message}, source_));
  }

  std::string text(const yaml_node& node) const {
    if (const auto* found = node.scalar.if_text()) return *found;
    refuse(node.at, "must be text");
  }

  std::vector<std::pair<std::string, std::string>> texts_by_name(const yaml_node& node) const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& member : node.members) all.emplace_back(member.key, text(member.content));
    return all;
  }

  case_step step(const yaml_node& node) const {
    case_step made;
    for (const auto& [key, at, content] : node.members) {
      if (key == "command") made.command = text(content);
      else if (key == "file") made.file = text(content);
      else if (key == "args") {
        for (const auto& each : content.items) made.arguments.push_back(text(each));
      } else if (key == "inputs") {
        made.inputs.emplace();
        for (const auto& each : content.items) made.inputs->push_back(each.to_value());
      } else if (key == "json") made.json = content.scalar == value(true);
      else if (key == "save") made.save_as = text(content);
      else if (key == "exit") made.exit_code = static_cast<int>(content.scalar.to_double());
      else if (key == "expect") {
        for (const auto& each : content.items) made.expectations.push_back(expected(each));
      } else refuse(at, "unknown key " + key);
    }
    if (made.expectations.empty()) refuse(node.at, "a call without expectations shows nothing");
    return made;
  }

  expectation expected(const yaml_node& node) const {
    try {
      return {expression::compile(text(node), variables), node.at.line};
    } catch (const expression_error& wrong) {
      refuse(position_in(source_, node, wrong.offset()), wrong.what());
    }
  }

  source_text source_;
};

/// The calls of one case, in a folder of their own.
class case_calls {
public:
  case_calls(const file_case& which, std::string program, std::string hosting)
      : case_(which), program_(std::move(program)), hosting_(std::move(hosting)) {
    std::filesystem::copy_file(which.workflow, folder_.path() / which.workflow.filename());
    for (const auto& [name, text] : which.files) write_text(folder_.path() / name, text);
  }

  std::string check() {
    for (const auto& step : case_.steps) {
      make(step);
      if (!wrong_.empty()) break;
    }
    return wrong_;
  }

private:
  std::vector<std::string> words_of(const case_step& step) const {
    const auto file = step.file.empty() ? case_.workflow.filename().string() : step.file;
    std::vector<std::string> words{program_, step.command, file};
    if (step.command == "run") {
      words.emplace_back("--virtual-time");
      if (step.json) words.emplace_back("--json");
      if (!hosting_.empty()) words.push_back(hosting_);
    }
    if (step.inputs) {
      std::string lines;
      for (const auto& each : *step.inputs) lines += write_json(each) + '\n';
      write_text(folder_.path() / "inputs.jsonl", lines);
      words.insert(words.end(), {"--inputs", "inputs.jsonl"});
    }
    words.insert(words.end(), step.arguments.begin(), step.arguments.end());
    return words;
  }

  void make(const case_step& step) {
    const auto words = words_of(step);
    program_options how{.directory = folder_.path().string()};
    for (const auto& [name, content] : case_.environment) how.environment[name] = content;
    const auto made = run_program(words, std::move(how));
    if (!step.save_as.empty()) write_text(folder_.path() / step.save_as, made.out);
    const auto wrong_before = wrong_.size();
    if (made.status != step.exit_code) {
      wrong_ += "exit code " + std::to_string(made.status) + " instead of "
                + std::to_string(step.exit_code) + '\n';
    }
    const auto lines = lines_of(step, made.out);
    const auto& all = *lines.if_list();
    const auto result = all.empty() ? value() : all.back();
    if (!step.inputs && all.size() > 1) wrong_ += "more than one line on standard output\n";
    for (const auto& each : step.expectations) {
      hold(each, {result, lines, value(made.err), value(made.out)});
    }
    if (wrong_.size() == wrong_before) return;
    for (const auto& word : words) wrong_ += (&word == &words[0] ? "" : " ") + word;
    wrong_ += "\n--- standard error:\n" + made.err + "--- standard output:\n";
    if (all.empty()) wrong_ += made.out;
    for (const auto& line : all) wrong_ += write_json(line, {.indent = 2}) + '\n';
  }

  value lines_of(const case_step& step, const std::string& output) {
    value::list_type lines;
    std::istringstream in(step.json && step.command == "run" ? output : std::string());
    for (std::string line; std::getline(in, line);) {
      auto read = parse_json(line);
      if (read) lines.push_back(*read);
      else wrong_ += "standard output is no JSON: " + read.why().message + '\n';
    }
    return value::list(std::move(lines));
  }

  void hold(const expectation& expected, const std::array<value, variables.size()>& about) {
    const std::array<expression_variable, variables.size()> known{about[0], about[1], about[2],
                                                                  about[3]};
    const auto answer = expected.what.evaluate(known, generous);
    if (answer && *answer == value(true)) return;
    wrong_ += case_.name + std::string(expected_suffix) + ":" + std::to_string(expected.line) + ": "
              + expected.what.source() + "\n  gave "
              + (answer ? write_json(*answer) : answer.why().message) + '\n';
  }

  const file_case& case_;
  std::string program_;
  std::string hosting_;
  temporary_folder folder_;
  std::string wrong_;
};

} // namespace

file_case read_file_case(const std::filesystem::path& expected) {
  auto made = expected_reader(expected).read();
  made.name = expected.filename().string();
  made.name.resize(made.name.size() - expected_suffix.size());
  made.workflow = expected.parent_path() / (made.name + ".yaml");
  return made;
}

std::vector<std::string> case_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    const auto file = each.path().filename().string();
    if (!file.ends_with(".yaml") || file.ends_with(expected_suffix)) continue;
    names.push_back(each.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string check_case(const file_case& which, const std::string& program,
                       const std::string& hosting) {
  return case_calls(which, program, hosting).check();
}

} // namespace troupe::testing
