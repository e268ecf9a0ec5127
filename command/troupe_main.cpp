#include <troupe/command/command_line.hpp>

int main(int argc, char** argv) {
  return troupe::command_line(argc, argv);
}
