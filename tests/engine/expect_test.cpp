#include "engine/expect.h"

#include <cmath>

#include "support.h"

using namespace mlrun;
using namespace mlrun::engine;

namespace {

config::Expectation expectation(const std::string& direction = "both") {
  config::Expectation wanted;
  wanted.metric = "val/acc1";
  wanted.value = 74.042;
  wanted.tolerance = 0.03;
  wanted.direction = direction;
  return wanted;
}

Measured measured(double acc1) {
  Measured result;
  result.split = "val";
  result.data = "imagenet-val";
  result.fingerprint = "f00d";
  result.weights = "best";
  result.samples = 50000;
  result.figures = {{"loss", 1.0}, {"acc1", acc1}};
  return result;
}

Outcome outcome(const config::Expectation& wanted, const Measured& result) {
  return compare({wanted}, {result}).front().outcome;
}

}  // namespace

TEST_CASE("an expectation is met within its tolerance, its bounds included", "[engine]") {
  for (const double value : {74.042, 74.072, 74.012, 74.05}) {
    INFO(value);
    CHECK(outcome(expectation(), measured(value)) == Outcome::Met);
  }
  for (const double value : {74.0721, 74.0119, 0.0, double(NAN), double(INFINITY)}) {
    INFO(value);
    CHECK(outcome(expectation(), measured(value)) == Outcome::Differs);
  }
  config::Expectation exact = expectation();
  exact.tolerance = 0;
  CHECK(outcome(exact, measured(74.042)) == Outcome::Met);
  CHECK(outcome(exact, measured(74.0421)) == Outcome::Differs);
}

TEST_CASE("a direction lets better results pass", "[engine]") {
  CHECK(outcome(expectation("at_least"), measured(99)) == Outcome::Met);
  CHECK(outcome(expectation("at_least"), measured(74.012)) == Outcome::Met);
  CHECK(outcome(expectation("at_least"), measured(74.01)) == Outcome::Differs);
  CHECK(outcome(expectation("at_most"), measured(1)) == Outcome::Met);
  CHECK(outcome(expectation("at_most"), measured(74.072)) == Outcome::Met);
  CHECK(outcome(expectation("at_most"), measured(74.08)) == Outcome::Differs);
  CHECK(outcome(expectation("at_least"), measured(NAN)) == Outcome::Differs);
}

TEST_CASE("an expectation is compared only where its conditions hold", "[engine]") {
  config::Expectation wanted = expectation();
  wanted.when.data = "imagenet-val";
  wanted.when.samples = 50000;
  wanted.when.weights = "best";
  CHECK(outcome(wanted, measured(74.042)) == Outcome::Met);
  wanted.when.data = "f00d";
  CHECK(outcome(wanted, measured(74.042)) == Outcome::Met);

  wanted.when.data = "photos";
  Verdict verdict = compare({wanted}, {measured(74.042)}).front();
  CHECK(verdict.outcome == Outcome::NotComparable);
  CHECK(verdict.reason == "when.data is photos, this is imagenet-val");
  wanted = expectation();
  wanted.when.samples = 1000;
  CHECK(compare({wanted}, {measured(74)}).front().reason == "when.samples is 1000, evaluated were 50000");
  wanted = expectation();
  wanted.when.weights = "IMAGENET1K_V1";
  CHECK(compare({wanted}, {measured(74)}).front().reason == "when.weights is IMAGENET1K_V1, these are best");
}

TEST_CASE("a skipped sample makes a met expectation differ", "[engine]") {
  Measured result = measured(74.042);
  result.skipped = 1;
  Verdict verdict = compare({expectation()}, {result}).front();
  CHECK(verdict.outcome == Outcome::Differs);
  CHECK(verdict.reason == "1 sample was skipped");
  CHECK(to_json(verdict)["reason"] == "1 sample was skipped");
  // The condition is about the split, which is the same one; the verdict is about what was left out.
  config::Expectation wanted = expectation();
  wanted.when.samples = 50000;
  result.samples = 49997;
  result.skipped = 3;
  verdict = compare({wanted}, {result}).front();
  CHECK(verdict.outcome == Outcome::Differs);
  CHECK(verdict.reason == "3 samples were skipped");
  result.samples = 40000;
  CHECK(compare({wanted}, {result}).front().outcome == Outcome::NotComparable);
}

TEST_CASE("what was not measured is not run", "[engine]") {
  config::Expectation wanted = expectation();
  wanted.metric = "test/acc1";
  const auto verdicts = compare({wanted, expectation()}, {measured(74.042)});
  REQUIRE(verdicts.size() == 2);
  CHECK(verdicts[0].outcome == Outcome::NotRun);
  CHECK(verdicts[0].reason == "test/acc1 was not measured");
  CHECK(verdicts[1].outcome == Outcome::Met);
  CHECK_FALSE(unmet(verdicts));
  CHECK(unmet(compare({wanted, expectation()}, {measured(70)})));
  CHECK(compare({}, {measured(1)}).empty());
}

TEST_CASE("a verdict as JSON", "[engine]") {
  config::Expectation wanted = expectation("at_least");
  wanted.row = "T1/resnet18";
  wanted.source = "a table";
  const Json met = to_json(compare({wanted}, {measured(80)}).front());
  CHECK(met == Json{{"metric", "val/acc1"},
                    {"expected", 74.042},
                    {"measured", 80.0},
                    {"tolerance", 0.03},
                    {"source", "a table"},
                    {"verdict", "met"},
                    {"row", "T1/resnet18"},
                    {"direction", "at_least"}});
  const Json not_run = to_json(compare({expectation()}, {}).front());
  CHECK(not_run["verdict"] == "not_run");
  CHECK(not_run["measured"].is_null());
  CHECK(not_run["source"].is_null());
  CHECK(outcome_name(Outcome::Differs) == std::string("differs"));
  CHECK(outcome_name(Outcome::NotComparable) == std::string("not_comparable"));
}
