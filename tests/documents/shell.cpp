#include "shell.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace troupe::testing {

namespace fs = std::filesystem;

shell::shell(std::map<std::string, std::optional<std::string>> environment)
    : environment_(std::move(environment)) {
  std::string name = (fs::temp_directory_path() / "troupe-documents-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  folder_ = name;
  const auto* path = std::getenv("PATH");
  environment_["PATH"] = std::string(TROUPE_PROGRAMS) + ':' + (path ? path : "/usr/bin:/bin");
  environment_["LC_ALL"] = "C.UTF-8";
  fs::create_directory_symlink(fs::path(TROUPE_SOURCE_DIR) / "examples", folder_ / "examples");
}

shell::~shell() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

program_result shell::run(const std::string& command, const fs::path& folder) const {
  return run_program({"/bin/sh", "-c", command},
                     {.directory = folder.string(), .environment = environment_});
}

void shell::write(const std::string& name, const std::string& text) const {
  std::ofstream file(folder_ / name, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + name);
}

std::string read_text(const fs::path& file) {
  const std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

} // namespace troupe::testing
