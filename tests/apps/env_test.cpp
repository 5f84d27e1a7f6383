#include "apps/run_mlrun.h"

namespace mlrun::test {
namespace {

TEST_CASE("`env` tells versions, machine and folders", "[apps]") {
  const auto outcomes = run_all({{{"env", "--json"},
                                  "/",
                                  {{"XDG_CACHE_HOME", "/somewhere"},
                                   {"MLRUN_CONFIGS", "/elsewhere"},
                                   {"ATEN_CPU_CAPABILITY", "avx2"},
                                   {"DNNL_MAX_CPU_ISA", "AVX2"}}},
                                 {{"env"}}});
  CHECK(outcomes[0].code == 0);
  const Json facts = result_of(outcomes[0], "env", "ok");
  for (const char* key : {"mlrun", "commit", "libtorch", "compiler", "system", "processor", "instruction_sets"}) {
    CHECK(facts.at(key).is_string());
  }
  if (contains(facts.at("instruction_sets").get<std::string>(), "avx2")) {  // what is used, not what there is
    CHECK(facts.at("cpu_capability") == "AVX2");
    if (facts.at("onednn_isa") != "built without oneDNN") CHECK(facts.at("onednn_isa") == "AVX2");
    CHECK(facts.at("vnni") == false);
  }
  CHECK(facts.at("processors_available").get<int>() >= 1);
  CHECK(facts.at("cuda") == false);  // the tests hide GPUs
  CHECK(facts.at("gpus") == 0);
  CHECK(facts.at("cache") == "/somewhere/mlrun");
  CHECK(facts.at("recipe_folders").at(0) == "/elsewhere");
  const Json& set = facts.at("variables");
  CHECK(set.at("ATEN_CPU_CAPABILITY") == "avx2");
  CHECK(set.at("MLRUN_CONFIGS") == "/elsewhere");
  const Json& libraries = facts.at("libraries");
  REQUIRE(libraries.contains("libz"));
  CHECK(libraries.at("libz").get<std::string>().find_first_not_of("0123456789.") == std::string::npos);
  if (libraries.contains("libgomp")) CHECK(contains(facts.at("openmp_library").get<std::string>(), "libgomp.so"));
  CHECK(outcomes[1].code == 0);
  CHECK(outcomes[1].err.empty());
  CHECK(contains(outcomes[1].out, facts.at("libtorch").get<std::string>()));
  CHECK(contains(outcomes[1].out, "cpu_capability"));
  CHECK(contains(outcomes[1].out, facts.at("mlrun").get<std::string>()));
}

/// What GNU OpenMP says of its settings when the executable starts, and `thread_waiting` of `mlrun env`.
Invocation started_with(std::map<std::string, std::string> environment) {
  environment["OMP_DISPLAY_ENV"] = "VERBOSE";
  return {{"env", "--json"}, ".", std::move(environment)};
}

TEST_CASE("threads wait for a while and then sleep, or as the user says", "[apps]") {
  // What whoever runs the tests has set would win over mlrun's own choice.
  ::unsetenv("GOMP_SPINCOUNT");
  ::unsetenv("OMP_WAIT_POLICY");
  const auto outcomes = run_all(
      {started_with({}), started_with({{"GOMP_SPINCOUNT", "77"}}), started_with({{"OMP_WAIT_POLICY", "ACTIVE"}})});
  if (!contains(outcomes[0].err, "GOMP_SPINCOUNT")) return skip("LibTorch runs on another OpenMP than GCC's");
  CHECK(contains(outcomes[0].err, "GOMP_SPINCOUNT = '5000'"));
  CHECK(outcomes[0].json().at("result").at("thread_waiting") == "spinning for 5000 turns, then asleep");
  CHECK(contains(outcomes[1].err, "GOMP_SPINCOUNT = '77'"));
  CHECK(outcomes[1].json().at("result").at("thread_waiting") == "GOMP_SPINCOUNT=77");
  CHECK_FALSE(contains(outcomes[2].err, "GOMP_SPINCOUNT = '5000'"));
  CHECK(outcomes[2].json().at("result").at("thread_waiting") == "OMP_WAIT_POLICY=ACTIVE");
}

TEST_CASE("the variable that is lent to OpenMP's setting is there again", "[apps]") {
  TempDir folder;
  std::string recipe = "extends: quickstart\ndata: {classes: [";
  std::map<std::string, std::string> environment;
  for (const char* name : {"_", "SHLVL", "OLDPWD", "LS_COLORS", "PWD", "TERM", "LOGNAME", "PATH"}) {
    environment[name] = std::string("of ") + name;
    recipe += (environment.size() > 1 ? ", '${env:" : "'${env:") + std::string(name) + "}'";
  }
  folder.write("recipe.yaml", recipe + "]}\n");
  const Outcome shown = run({{"config", "show", "recipe.yaml", "--json"}, folder.path(), environment});
  CHECK(shown.code == 0);
  for (const auto& [name, value] : environment) CHECK(contains(shown.out, '"' + value + '"'));
}

}  // namespace
}  // namespace mlrun::test
