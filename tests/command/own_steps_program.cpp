#include <troupe/command/command_line.hpp>

#include <string>

// A program with a step of its own, which its workers have to know.
int main(int argc, char** argv) {
  troupe::step_registry registry;
  registry.add("shout", [](const std::string& text) { return text + "!"; });
  return troupe::command_line(argc, argv, registry);
}
