#include <troupe/policies/state_scope.hpp>

namespace troupe {

std::string_view to_string(state_scope scope) {
  return scope == state_scope::cluster ? "cluster" : "local";
}

value describe_scope(state_scope scope) {
  return scope == state_scope::local ? value() : value(to_string(scope));
}

void check_scope(state_scope scope, const std::string& name, option_check& report) {
  report.require(scope == state_scope::local || !name.empty(), "scope",
                 "is cluster; that needs a name, by which all who share it find it");
}

} // namespace troupe
