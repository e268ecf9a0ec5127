#include "command_error.hpp"
#include "commands.hpp"
#include "program_filter.hpp"
#include "run_setup.hpp"

#include <troupe/workflows/graph.hpp>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace troupe::detail {

namespace {

std::string to_svg(const plan& tree) {
  const auto drawn = filter_through({"dot", "-Tsvg"}, to_dot(tree));
  if (!drawn.started) {
    throw usage_error("--format svg needs the program `dot` of Graphviz, which cannot be started: "
                      + drawn.errors + "; install Graphviz, or use --format dot");
  }
  if (drawn.exit_status != 0) {
    throw usage_error("`dot -Tsvg` has failed with exit status " + std::to_string(drawn.exit_status)
                      + ": " + drawn.errors);
  }
  return drawn.output;
}

std::string picture_of(const plan& tree, const std::string& format) {
  if (format == "svg") return to_svg(tree);
  if (format == "dot") return to_dot(tree);
  if (format == "text") return to_text(tree);
  return to_mermaid(tree);
}

} // namespace

int graph_command(console& speaker, const graph_request& request, const step_registry& registry) {
  const auto file = load_workflow(request.file, registry, speaker);
  auto text = picture_of(file.tree, request.format);
  if (!text.ends_with('\n')) text += '\n';
  if (request.output.empty() || request.output == "-") {
    speaker.out.write(text);
    return speaker.out.good() ? exit_done : exit_run_failed;
  }
  std::ofstream out(request.output, std::ios::binary | std::ios::trunc);
  out << text << std::flush;
  if (!out) {
    throw usage_error("--output: cannot write " + request.output + ": "
                      + std::generic_category().message(errno));
  }
  return exit_done;
}

} // namespace troupe::detail
