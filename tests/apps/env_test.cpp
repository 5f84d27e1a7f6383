#include "apps/run_mlrun.h"

namespace mlrun::test {
namespace {

TEST_CASE("`env` tells versions, machine and folders", "[apps]") {
  const auto outcomes = run_all(
      {{{"env", "--json"}, "/", {{"XDG_CACHE_HOME", "/somewhere"}, {"MLRUN_CONFIGS", "/elsewhere"}}}, {{"env"}}});
  CHECK(outcomes[0].code == 0);
  const Json facts = result_of(outcomes[0], "env", "ok");
  for (const char* key : {"mlrun", "commit", "libtorch", "compiler", "system", "processor", "instruction_sets"}) {
    CHECK(facts.at(key).is_string());
  }
  CHECK(facts.at("processors_available").get<int>() >= 1);
  CHECK(facts.at("cuda") == false);  // the tests hide GPUs
  CHECK(facts.at("gpus") == 0);
  CHECK(facts.at("cache") == "/somewhere/mlrun");
  CHECK(facts.at("recipe_folders").at(0) == "/elsewhere");
  CHECK(outcomes[1].code == 0);
  CHECK(outcomes[1].err.empty());
  CHECK(contains(outcomes[1].out, facts.at("libtorch").get<std::string>()));
  CHECK(contains(outcomes[1].out, facts.at("mlrun").get<std::string>()));
}

}  // namespace
}  // namespace mlrun::test
