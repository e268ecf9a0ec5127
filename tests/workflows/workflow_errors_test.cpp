#include <troupe/workflows/workflow_file.hpp>

#include <gmock/gmock.h>

#include <ostream>
#include <string>
#include <vector>

namespace troupe {
namespace {

using ::testing::HasSubstr;

std::string errors_of(const std::string& text) {
  try {
    (void)parse_workflow("w.yaml", text);
  } catch (const workflow_error& error) {
    return error.what();
  }
  return "no error";
}

/// One thing that may be wrong with a file, and the place and text of what is said about it.
struct bad_file {
  std::string name;
  std::string text;
  std::string expected;
  friend void PrintTo(const bad_file& file, std::ostream* out) { *out << file.name; }
};

std::string flow(const std::string& rest) {
  return "troupe: 1\nflow:\n" + rest;
}

std::string policy(const std::string& one) {
  return "troupe: 1\nflow:\n  step: s\n  uses: value\n  with: {value: 1}\n  policies:\n    - " + one
         + "\n";
}

std::string with(const std::string& type, const std::string& content) {
  return "troupe: 1\nflow:\n  step: s\n  uses: " + type + "\n  with: " + content + "\n";
}

class WorkflowErrors : public ::testing::TestWithParam<bad_file> {};

TEST_P(WorkflowErrors, NameThePlaceAndWhatWasExpected) {
  EXPECT_THAT(errors_of(GetParam().text), HasSubstr("w.yaml:" + GetParam().expected));
}

const std::vector<bad_file> whole_files{
    {"NoVersion", "flow: []\n", "1:1: error: `troupe: 1` is missing"},
    {"WrongVersion", "troupe: 2\nflow: []\n", "1:9: error: `troupe` must be 1"},
    {"NoFlow", "troupe: 1\n", "1:1: error: `flow` is missing"},
    {"NoMap", "- 1\n", "1:1: error: `the file` must be a map; it is a list"},
    {"UnknownKey", "troupe: 1\nflwo: []\nflow: []\n", "2:1: error: unknown key `flwo`"},
    {"NearMiss", "troupe: 1\nflwo: []\n",
     "2:1: error: unknown key `flwo` in the file (did you mean flow?)"},
    {"DuplicateKey", "troupe: 1\ntroupe: 1\n", "2:1: error: "},
    {"ContextIsNoMap", "troupe: 1\ncontext: 5\nflow: []\n",
     "2:10: error: `context` must be a map; it is 5"},
    {"NegativeLimit", "troupe: 1\nlimits: {cost_usd: -0.1}\nflow: []\n",
     "2:20: error: `cost_usd` must be"},
    {"InfiniteLimit", "troupe: 1\nlimits: {cost_usd: .inf}\nflow: []\n",
     "2:20: error: `cost_usd` must be"},
    {"TokensAsText", "troupe: 1\nlimits: {tokens: many}\nflow: []\n",
     "2:18: error: `tokens` must be an integer; it is \"many\""},
    {"NegativePrice", "troupe: 1\nprices: {m: {input: -1, output: 1}}\nflow: []\n",
     "2:21: error: `input` must be"},
    {"EnvIsNoList", "troupe: 1\nenv: HOME\nflow: []\n", "2:6: error: `env` must be a list"},
    {"StepWithoutType", "troupe: 1\nsteps: {a: {with: {value: 1}}}\nflow: {step: a}\n",
     "2:9: error: the step `a` needs `uses: TYPE`"},
    {"CircularPipelines",
     "troupe: 1\npipelines: {a: {pipeline: b}, b: {pipeline: a}}\nflow: {pipeline: a}\n",
     "1:1: error: "},
    {"FallbackCycle",
     "troupe: 1\nsteps:\n  a: {uses: value, with: {value: 1}, policies: [fallback: [b]]}\n  b: "
     "{uses: value, with: {value: 1}, policies: [fallback: [a]]}\nflow: {step: a}\n",
     "4:60: error: InfiniteFallbackError: a → b → a"},
    {"SelfFallback",
     "troupe: 1\nsteps:\n  a: {uses: value, with: {value: 1}}\nflow: {step: a, policies: "
     "[fallback: [a]]}\n",
     "1:1: error: InfiniteFallbackError: a"},
    {"UnreadableYaml", "troupe: [1\n", "1:9: error: "},
    {"BadUtf8", "troupe: 1\nname: \xff\nflow: []\n", "2:7: error: "},
};

const std::vector<bad_file> stages{
    {"UnknownStep", flow("  step: nope\n"), "3:9: error: there is no step `nope` under `steps:`"},
    {"StepNearMiss",
     "troupe: 1\nsteps: {gpt4: {uses: value, with: {value: 1}}}\nflow: {step: gpt5}\n",
     "3:14: error: there is no step `gpt5` under `steps:` (did you mean gpt4?)"},
    {"StepWithoutName", flow("  uses: value\n  with: {value: 1}\n"),
     "3:3: error: a step in place needs a name"},
    {"UnknownType", flow("  step: s\n  uses: http.requst\n"),
     "4:9: error: unknown step type `http.requst` (did you mean http.request?)"},
    {"NameOfANamedStep",
     "troupe: 1\nsteps: {a: {uses: value, with: {value: 1}}}\nflow: {step: a, uses: value, with: "
     "{value: 2}}\n",
     "3:14: error: `a` is the name of a step under `steps:`"},
    {"WithAtAReference",
     "troupe: 1\nsteps: {a: {uses: value, with: {value: 1}}}\nflow: {step: a, with: {value: 2}}\n",
     "3:17: error: `with` belongs where the step is defined"},
    {"EmptySequence", flow("  []\n"), "3:3: error: a sequence has no stages"},
    {"EmptyParallel", flow("  parallel: {}\n"), "3:13: error: `parallel` has no branches"},
    {"NumberAsStage", flow("  5\n"), "3:3: error: a stage is a list, or a map with one of"},
    {"TwoKinds", flow("  parallel: [a]\n  map: a\n"), "4:3: error: a stage has one kind"},
    {"UnknownKeyOfStage", flow("  step: s\n  uses: value\n  with: {value: 1}\n  polices: []\n"),
     "6:3: error: unknown key `polices` in `step` (did you mean policies?)"},
    {"KeyOfAnotherKind", flow("  step: s\n  uses: value\n  with: {value: 1}\n  until: x\n"),
     "6:3: error: unknown key `until` in `step`"},
    {"DuplicateBranch",
     flow("  parallel:\n    - {step: a, uses: value, with: {value: 1}}\n    - {step: a, uses: "
          "value, with: {value: 1}}\n"),
     "5:7: error: two branches are called `a`"},
    {"QuorumTooLarge",
     flow("  parallel: {a: {step: a, uses: value, with: {value: 1}}}\n  join: {quorum: 2}\n"),
     "4:9: error: `quorum` is 2; the block has only 1 branch"},
    {"QuorumZero",
     flow("  parallel: {a: {step: a, uses: value, with: {value: 1}}}\n  join: {quorum: 0}\n"),
     "4:18: error: `quorum` is 0; it must be at least 1"},
    {"UnknownJoin", flow("  parallel: {a: {step: a, uses: value, with: {value: 1}}}\n  join: al\n"),
     "4:9: error: `join` is \"al\"; it must be one of all, collect, first"},
    {"UnknownMerge",
     flow("  parallel: {a: {step: a, uses: value, with: {value: 1}}}\n  merge: mine\n"),
     "4:10: error: `merge` is \"mine\""},
    {"ZeroInFlight",
     flow("  parallel: {a: {step: a, uses: value, with: {value: 1}}}\n  max_in_flight: 0\n"),
     "4:18: error: `max_in_flight` is 0; it must be at least 1"},
    {"NoCases", flow("  branch: input\n"), "3:3: error: a `branch` needs `cases: {KEY: stage}`"},
    {"TwoDefaults",
     flow("  branch: input\n  cases: {default: {step: a, uses: value, with: {value: 1}}}\n  "
          "default: {step: b, uses: value, with: {value: 1}}\n"),
     "5:3: error: `default` is given twice"},
    {"NoUntil", flow("  loop: {step: a, uses: value, with: {value: 1}}\n"),
     "3:3: error: a `loop` needs `until: EXPR`"},
    {"ZeroIterations",
     flow("  loop: {step: a, uses: value, with: {value: 1}}\n  until: true\n  max_iterations: 0\n"),
     "5:19: error: `max_iterations` is 0; it must be at least 1"},
    {"BadExpression", flow("  map: {step: a, uses: value, with: {value: 1}}\n  over: input.\n"),
     "4:"},
    {"UnknownVariable",
     flow("  map: {step: a, uses: value, with: {value: 1}}\n  over: contxt.list\n"),
     "4:9: error: `over` is no valid expression: unknown variable contxt (did you mean context?)"},
    {"OutputOutsideOfUntil",
     flow("  branch: output\n  cases: {a: {step: a, uses: value, with: {value: 1}}}\n"),
     "3:11: error: `branch` is no valid expression: unknown variable output"},
    {"PauseWithoutPrompt", flow("  pause: {}\n"), "3:10: error: a `pause` needs `prompt: TEXT`"},
    {"ChoiceOfTheWrongType", flow("  pause: {prompt: ok?, expects: number, choices: [a]}\n"), "3:"},
    {"PauseInACompensation",
     flow("  step: a\n  uses: value\n  with: {value: 1}\n  compensate: {pause: undo?}\n"),
     "1:1: error: "},
    {"UnknownPipeline", flow("  pipeline: nope\n"), "3:13: error: there is no pipeline `nope`"},
    {"EmptySaveAs", flow("  step: s\n  uses: value\n  with: {value: 1}\n  save_as: ''\n"),
     "6:12: error: `save_as` is empty"},
    {"UnknownCompensation",
     flow("  step: s\n  uses: value\n  with: {value: 1}\n  compensate: undo\n"),
     "6:15: error: there is no step `undo`"},
    {"EmptyLabels", flow("  step: s\n  uses: value\n  with: {value: 1}\n  place: {labels: {}}\n"),
     "6:19: error: `labels` is empty"},
};

const std::vector<bad_file> policies{
    {"Unknown", policy("rety: {}"), "7:7: error: unknown policy `rety` (did you mean retry?)"},
    {"NotAList", flow("  step: s\n  uses: value\n  with: {value: 1}\n  policies: {retry: {}}\n"),
     "6:13: error: `policies` must be a list"},
    {"UnknownOption", policy("retry: {max_retrys: 3}"),
     "7:15: error: unknown key `max_retrys` in `retry` (did you mean max_retries?)"},
    {"NegativeRetries", policy("retry: {max_retries: -1}"),
     "7:28: error: `max_retries` is -1; it must be at least 0"},
    {"NegativeDelay", policy("retry: {initial_delay: -1s}"), "7:30: error: `initial_delay` is -1s"},
    {"CapBelowFirst", policy("retry: {initial_delay: 2s, max_delay: 1s}"),
     "7:45: error: `max_delay` is 1s"},
    {"UnknownStrategy", policy("retry: {backoff: expo}"),
     "7:24: error: `backoff` is \"expo\"; it must be one of constant, linear, exponential"},
    {"BareNumber", policy("timeout: 5"),
     "7:16: error: `timeout` must be a duration such as 250ms, 30s or 1h30m (with a unit); it is "
     "5"},
    {"ZeroTimeout", policy("timeout: 0s"), "7:16: error: `timeout` is 0s"},
    {"NegativeTimeout", policy("timeout: {after: -1s}"), "7:24: error: `timeout` is -1s"},
    {"ZeroThreshold", policy("breaker: {failure_threshold: 0}"),
     "7:36: error: `failure_threshold` is 0; it must be at least 1"},
    {"ZeroWait", policy("breaker: {wait: 0s}"), "7:23: error: `wait` is 0s"},
    {"UndeclaredBreaker", policy("breaker: nope"),
     "7:16: error: there is no breaker `nope` under `breakers:`"},
    {"UndeclaredCache", policy("cache: nope"),
     "7:14: error: there is no cache `nope` under `caches:`"},
    {"UndeclaredCacheIn", policy("cache: {in: nope}"), "7:19: error: there is no cache `nope`"},
    {"ZeroTtl", policy("cache: {ttl: 0s}"), "7:20: error: `ttl` is 0s"},
    {"ZeroSize", policy("cache: {max_size: 0}"),
     "7:25: error: `max_size` is 0; it must be at least 1"},
    {"BadKey", policy("cache: {key: run.id}"),
     "7:20: error: `key` is no valid expression: unknown variable run"},
    {"EmptyFallback", policy("fallback: []"),
     "7:17: error: `fallback` has nothing to fall back to"},
    {"UnknownFallback", policy("fallback: [nope]"), "7:18: error: there is no step `nope`"},
    {"HedgeOfAnUnmarkedStep",
     "troupe: 1\nflow:\n  step: s\n  uses: test.script\n  with: {script: [{ok: 1}]}\n  policies:\n "
     "   - hedge: {delay: 1s}\n",
     "7:14: error: `hedge` may run the step `s` twice"},
    {"RateAsNumber", policy("rate_limit: {rate: 5}"), "7:26: error: `rate` must be text"},
    {"BadRate", policy("rate_limit: {rate: 5/d}"), "7:26: error: `rate` is \"5/d\""},
    {"NoRate", policy("rate_limit: {burst: 5}"), "7:19: error: `rate_limit` needs `rate`"},
    {"ZeroInFlight", policy("bulkhead: {max_in_flight: 0}"), "7:33: error: `max_in_flight` is 0"},
    {"BadRetryIf", policy("retry: {retry_if: input.x}"),
     "7:25: error: `retry_if` is no valid expression: unknown variable input"},
    {"TwoKeys", policy("{retry: {}, timeout: 1s}"), "7:7: error: a policy is a map with one key"},
};

const std::vector<bad_file> settings{
    {"MissingField", with("value", "{}"), "5:3: error: `with` of value needs `value`"},
    {"UnknownField", with("value", "{value: 1, vale: 2}"),
     "5:20: error: unknown key `vale` in `with` of value"},
    {"NoMap", with("value", "5"), "5:9: error: `with` must be a map; it is 5"},
    {"UnlistedEnv", with("value", "{value: '${{ env.SECRET }}'}"),
     "5:26: error: the environment variable `SECRET` is not listed under `env:`"},
    {"BadTemplate", with("value", "{value: '${{ 1 + }}'}"), "5:"},
    {"UnknownFunction", with("value", "{value: '${{ upper(input) }}'}"),
     "5:22: error: no valid expression: unknown function upper"},
    {"BadDuration", with("sleep", "{for: 5}"), "5:15: error: `for` must be a duration"},
    {"UnknownKind", with("fail", "{kind: broken, message: x}"), "5:16: error: `kind`"},
    {"EmptyArgv", with("exec", "{argv: []}"), "5:16: error: `argv`"},
    {"TwoActions", with("test.script", "{script: [{ok: 1, transient: x}]}"), "5:"},
    {"NegativeUsage", with("test.script", "{script: [{ok: 1, cost_usd: -1}]}"), "5:"},
};

std::string test_name(const ::testing::TestParamInfo<bad_file>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(WholeFile, WorkflowErrors, ::testing::ValuesIn(whole_files), test_name);
INSTANTIATE_TEST_SUITE_P(Stage, WorkflowErrors, ::testing::ValuesIn(stages), test_name);
INSTANTIATE_TEST_SUITE_P(Policy, WorkflowErrors, ::testing::ValuesIn(policies), test_name);
INSTANTIATE_TEST_SUITE_P(Setting, WorkflowErrors, ::testing::ValuesIn(settings), test_name);

TEST(WorkflowErrorList, HoldsAllErrorsInTheOrderOfTheFile) {
  const auto text = errors_of("troupe: 1\n"
                              "limits: {tokens: x}\n"
                              "flow:\n"
                              "  - {step: a, uses: valu}\n"
                              "  - {step: nope}\n"
                              "  - {pause: {}}\n");

  const auto first = text.find("w.yaml:2:");
  const auto second = text.find("w.yaml:4:");
  const auto third = text.find("w.yaml:5:");
  const auto fourth = text.find("w.yaml:6:");
  ASSERT_NE(fourth, std::string::npos) << text;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, fourth);
}

TEST(WorkflowErrorList, ShowsTheLineAndACaretUnderThePlace) {
  EXPECT_THAT(errors_of("troupe: 1\nflow: {step: nope}\n"),
              HasSubstr("\nflow: {step: nope}\n             ^\n"));
}

TEST(WorkflowErrorList, NamesAFileThatCannotBeOpened) {
  try {
    (void)read_workflow("does-not-exist.yaml");
    FAIL();
  } catch (const workflow_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("does-not-exist.yaml:1:1: error: cannot read the file"));
    EXPECT_EQ(error.errors(), 1U);
  }
}

} // namespace
} // namespace troupe
