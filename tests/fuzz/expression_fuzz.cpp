#include <troupe/expressions/expression.hpp>
#include <troupe/protocol/json.hpp>

#include <array>
#include <cstdlib>
#include <string_view>

using namespace troupe;

namespace {

constexpr std::array<std::string_view, 2> names = {"input", "context"};

struct data {
  data() {
    entries.set("tier", "gold");
    entries.set("when", "2024-02-29T12:00:00.5Z");
  }

  value input = value::map({{"age", 42},
                            {"bytes", value::binary({0, 255, 195})},
                            {"items", value::list({1, -2.5, "a", nullptr, true, value::list({})})},
                            {"large", std::uint64_t{1} << 63},
                            {"text", std::string("h\xc3\xa9llo \xf0\x9f\x98\x80 \xff, world")}});
  context entries;
};

// Refused texts name a place inside them; failures are for good; an answer is always the same.
template <class Compiled>
void check(std::string_view text) {
  static const data given;
  const std::array<expression_variable, 2> variables = {given.input, given.entries};
  constexpr expression_limits limits{.max_cost = 20'000};
  try {
    const auto compiled = Compiled::compile(text, names);
    const auto first = compiled.evaluate(variables, limits);
    const auto second = compiled.evaluate(variables, limits);
    if (first.has_value() != second.has_value()) std::abort();
    if (first) {
      if (!(*first == *second) || write_json(*first).empty()) std::abort();
    } else if (first.why().kind != failure_kind::permanent || !(first.why() == second.why())) {
      std::abort();
    }
  } catch (const expression_error& problem) {
    if (problem.offset() > text.size() || std::string_view(problem.what()).empty()) std::abort();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  check<expression>(text);
  check<text_template>(text);
  return 0;
}
