#include "service_fixture.hpp"

#include <troupe/runtime/pause.hpp>

namespace troupe::testing {
namespace {

using service::run_book_options;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PausedRun : public RunBook {};

TEST_F(PausedRun, GoesOnUnderItsId) {
  with({});
  const auto run = start(ask_file);
  EXPECT_EQ(status(run), run_status::paused);
  EXPECT_EQ(book->result(run).at("pause").at("prompt"), value("Go on?"));
  EXPECT_THAT(codes(run), ElementsAre("paused"));

  EXPECT_EQ(book->resume(run, value("maybe")).why().kind, failure_kind::malformed);
  EXPECT_EQ(status(run), run_status::paused);
  ASSERT_TRUE(book->resume(run, value(true)));
  home->settle();

  EXPECT_EQ(status(run), run_status::completed);
  EXPECT_EQ(book->result(run).at("output"), value(true));
  EXPECT_EQ(book->resume(run, value(true)).why().kind, failure_kind::permanent);
  EXPECT_EQ(book->counts().paused, 0U);
}

TEST_F(PausedRun, IsUndoneWhenItIsCancelled) {
  with({});
  const auto run = start(R"(
troupe: 1
flow:
  - { step: pay, uses: value, with: { value: 1 },
      compensate: { step: refund, uses: value, with: { value: 2 } } }
  - pause: { prompt: "Send?" }
)");
  ASSERT_EQ(status(run), run_status::paused);

  EXPECT_TRUE(*book->cancel(run));
  home->settle();

  const auto result = book->result(run);
  const auto& paid = result.at("step_history").at(std::size_t{0}).at("metadata");
  EXPECT_EQ(paid.at("compensation").at("output"), value(2));
  EXPECT_EQ(result.at("status"), value("cancelled"));
  EXPECT_EQ(result.at("failure").at("kind"), value("cancelled"));
  EXPECT_FALSE(result.contains("pause"));
  EXPECT_EQ(book->events(run, 0, 100).ended, "cancelled");
  EXPECT_EQ(book->counts().cancelled, 1U);
}

// Nothing keeps its file live meanwhile, and it is another plan when the file is read again.
TEST_F(PausedRun, EndsWhenItIsCancelledWithoutItsPlan) {
  std::optional<std::string> token = "t";
  run_book_options options;
  options.max_deployments = 1;
  options.environment = [&token](const std::string&) { return token; };
  with(std::move(options));
  const auto run = start(R"(
troupe: 1
env: [TOKEN]
flow:
  - { step: s, uses: value, with: { value: "${{ env.TOKEN }}" } }
  - pause: { prompt: "Send?" }
)");
  ASSERT_EQ(status(run), run_status::paused);
  start(echo_file);
  token.reset();

  EXPECT_TRUE(*book->cancel(run));

  const auto about = book->entry(run).value();
  EXPECT_EQ(about.status, run_status::cancelled);
  EXPECT_THAT(about.failure, HasSubstr("nothing was undone"));
  const auto result = book->result(run);
  EXPECT_EQ(result.at("status"), value("cancelled"));
  EXPECT_EQ(result.at("failure").at("kind"), value("cancelled"));
  EXPECT_THAT(*result.at("failure").at("message").if_text(),
              HasSubstr("another version of the pipeline"));
  EXPECT_FALSE(result.contains("pause"));
  EXPECT_EQ(book->counts().paused, 0U);
  EXPECT_EQ(book->counts().running, 0U);
  EXPECT_EQ(book->counts().cancelled, 1U);
  EXPECT_EQ(book->events(run, 0, 100).ended, "cancelled");
  EXPECT_EQ(book->resume(run, value("yes")).why().kind, failure_kind::permanent);
}

TEST_F(PausedRun, OfARegisteredPipelineStaysOneWhenAWorkflowTakesItsName) {
  run_book_options options;
  options.registry.add_pipeline("ask", pause<value, value>("ask", "ok?"));
  options.max_deployments = 2;
  with(std::move(options));
  service::submission by_name;
  by_name.name = "ask";
  const auto run = book->submit(by_name).value();
  home->settle();
  ASSERT_EQ(status(run), run_status::paused);
  for (const auto* other : {echo_file, ask_file}) start(other);

  ASSERT_TRUE(book->resume(run, value("yes")));
  home->settle();
  const auto newest = book->submit(by_name).value();
  home->settle();

  EXPECT_EQ(book->result(run).at("output"), value("yes"));
  EXPECT_EQ(book->result(newest).at("pause").at("prompt"), value("Go on?"));
}

} // namespace
} // namespace troupe::testing
