// Answers what the reader of workflow files makes of them: takes lines of JSON, {"path": FILE} or
// {"text": CONTENT}, and prints a line for each: {"accepted": true} or {"accepted": false,
// "report": ERRORS}.

#include <troupe/protocol/json.hpp>
#include <troupe/workflows/workflow_file.hpp>

#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

namespace {

using troupe::value;

value verdict_on(const value& request, const troupe::step_registry& registry) {
  const auto nothing_is_set = [](const std::string&) { return std::optional<std::string>(); };
  const auto path = request.at("path");
  const auto text = request.at("text");
  try {
    if (path.is_text()) (void)troupe::read_workflow(*path.if_text(), registry, nothing_is_set);
    else (void)troupe::parse_workflow("text", *text.if_text(), registry, nothing_is_set);
    return value::map({{"accepted", true}});
  } catch (const troupe::workflow_error& refusal) {
    return value::map({{"accepted", false}, {"report", refusal.what()}});
  }
}

} // namespace

int main() {
  const troupe::step_registry registry;
  for (std::string line; std::getline(std::cin, line);) {
    const auto request = troupe::parse_json(line);
    if (!request || !(request->at("path").is_text() || request->at("text").is_text())) {
      std::fputs("expected {\"path\": FILE} or {\"text\": CONTENT}\n", stderr);
      return 2;
    }
    std::puts(troupe::write_json(verdict_on(*request, registry)).c_str());
  }
  return 0;
}
