#include "workflow_reader.hpp"

#include <troupe/workflows/workflow_file.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

namespace troupe {

namespace {

// One byte more than a file may have is enough to know that it has too many.
constexpr std::size_t most_bytes = (std::size_t{1} << 20) + 1;

std::optional<std::string> process_variable(const std::string& name) {
  const char* content = std::getenv(name.c_str());
  if (!content) return std::nullopt;
  return content;
}

[[noreturn]] void refuse_file(const std::string& path, const std::string& why) {
  throw workflow_error(path + ":1:1: error: cannot read the file: " + why + " [unreadable]\n", 1);
}

} // namespace

deployment<value, value> workflow::deploy(runtime& home) const {
  for (const auto& [pipeline, tree_of_it] : pipelines) home.define_plan(pipeline, tree_of_it);
  return deployment<value, value>(home.deploy_plan(tree, name, source));
}

workflow parse_workflow(const std::string& file, std::string text, const step_registry& registry,
                        const environment_reader& environment) {
  auto source = std::make_shared<const plan_source>(plan_source{file, text});
  auto made = read_whole({file, std::move(text)}, registry,
                         environment ? environment : environment_reader(process_variable));
  made.source = std::move(source);
  return made;
}

workflow read_workflow(const std::string& path, const step_registry& registry,
                       const environment_reader& environment) {
  std::ifstream in(path, std::ios::binary);
  if (!in) refuse_file(path, std::generic_category().message(errno));
  std::string text(most_bytes, '\0');
  errno = 0;
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.gcount() == 0 && errno != 0)) {
    refuse_file(path, std::generic_category().message(errno));
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_workflow(path, std::move(text), registry, environment);
}

} // namespace troupe
