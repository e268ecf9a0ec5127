#include "random_bytes.hpp"

#include <troupe/protocol/behavior.hpp>

#include <dlfcn.h>

#include <array>
#include <atomic>
#include <charconv>
#include <string_view>

namespace troupe::detail {

namespace {

std::string hexadecimal(std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  return std::string(digits.data(), end);
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool may_be_shared_by_files(std::string_view type_name) {
  // Anonymous namespaces, functions of internal linkage, and clang's namespace-scope lambdas.
  for (const std::string_view mark : {"_GLOBAL__N_", "ZL", "$_"}) {
    if (type_name.find(mark) != std::string_view::npos) return true;
  }
  return false;
}

} // namespace

std::string function_identity(const void* address) {
  Dl_info found{};
  if (address == nullptr || dladdr(address, &found) == 0 || found.dli_fname == nullptr) {
    return unique_identity();
  }
  std::string name = "@" + std::string(base_name(found.dli_fname)) + "+";
  // The nearest exported symbol may belong to another function, and then says nothing.
  if (found.dli_sname != nullptr && found.dli_saddr == address) return name + found.dli_sname;
  const auto offset =
      reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(found.dli_fbase);
  return name + hexadecimal(offset);
}

std::string type_identity(const std::type_info& type) {
  std::string name = type.name();
  if (may_be_shared_by_files(name)) name += function_identity(&type);
  return name;
}

std::string unique_identity() {
  static const std::string process = hexadecimal(random_u64()) + hexadecimal(random_u64());
  static std::atomic<std::uint64_t> counter{0};
  return "#" + process + "." + std::to_string(++counter);
}

} // namespace troupe::detail
