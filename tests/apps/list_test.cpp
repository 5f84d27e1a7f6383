#include <set>

#include "apps/run_mlrun.h"

namespace mlrun::test {
namespace {

std::set<std::string> names(const Json& list) {
  std::set<std::string> found;
  for (const auto& item : list) found.insert(item.at("name").get<std::string>());
  return found;
}

TEST_CASE("`list` shows every kind", "[apps]") {
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"models", "resnet18"},      {"recipes", "classification/fashion_mnist"},
      {"sources", "image_folder"}, {"transforms", "resize"},
      {"optimizers", "adamw"},     {"schedules", "cosine"},
      {"losses", "cross_entropy"}, {"losses", "ohem"},
      {"metrics", "confusion"},    {"tasks", "classification"}};
  std::vector<Invocation> invocations;
  for (const auto& kind : kinds) invocations.push_back({{"list", kind.first, "--json"}});
  const auto outcomes = run_all(invocations);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    INFO(kinds[i].first);
    CHECK(outcomes[i].code == 0);
    CHECK(outcomes[i].err.empty());
    const Json list = result_of(outcomes[i], "list", "ok");
    CHECK(names(list).count(kinds[i].second) == 1);
    CHECK(names(list).size() == list.size());
    for (const auto& item : list) CHECK_FALSE(item.at("description").get<std::string>().empty());
  }
}

TEST_CASE("`list` takes a pattern", "[apps]") {
  const auto outcomes = run_all({{{"list", "models", "resnet*", "--json"}},
                                 {{"list", "optimizers", "adam?", "--json"}},
                                 {{"list", "recipes", "classification/*", "--json"}},
                                 {{"list", "sources", "nothing*", "--json"}}});
  const auto resnets = names(result_of(outcomes[0], "list", "ok"));
  for (const char* name : {"resnet18", "resnet34", "resnet50"}) CHECK(resnets.count(name) == 1);
  for (const auto& name : resnets) CHECK(name.rfind("resnet", 0) == 0);
  CHECK(names(result_of(outcomes[1], "list", "ok")) == std::set<std::string>{"adamw"});
  const auto recipes = names(result_of(outcomes[2], "list", "ok"));
  CHECK(recipes.count("classification/sign_language_digits") == 1);
  CHECK(recipes.count("quickstart") == 0);
  CHECK(outcomes[3].code == 0);
  CHECK(result_of(outcomes[3], "list", "ok") == Json::array());
}

TEST_CASE("`list models` tells sizes and costs", "[apps]") {
  const auto outcomes = run_all({{{"list", "models", "resnet18", "--json"}}, {{"list", "models", "resnet18"}}});
  const Json list = result_of(outcomes[0], "list", "ok");
  REQUIRE(list.size() == 1);
  std::vector<std::string> keys;
  for (const auto& item : list[0].items()) keys.push_back(item.key());
  CHECK(keys == std::vector<std::string>{"name", "task", "params", "macs", "input_size", "metrics", "description"});
  CHECK(list[0].at("task") == "classification");
  CHECK(list[0].at("params") == 11689512);
  CHECK(list[0].at("macs") == 1814073344);  // torchvision's table says 1.81 GFLOPS
  CHECK(list[0].at("input_size") == 224);
  CHECK(outcomes[1].code == 0);
  CHECK(contains(outcomes[1].out, "11.7M"));
}

TEST_CASE("`list models` chooses by size and puts in order", "[apps]") {
  const auto outcomes = run_all({{{"list", "models", "mobilenet_v3*", "--max-params", "5M", "--json"}},
                                 {{"list", "models", "resnet[135]?", "--sort", "acc1", "--json"}},
                                 {{"list", "models", "--max-params", "5Q"}},
                                 {{"list", "models", "--sort", "size"}},
                                 {{"list", "losses", "--sort", "name"}},
                                 {{"list", "models", "--max-params", "5M", "--json"}}});
  CHECK(names(result_of(outcomes[0], "list", "ok")) == std::set<std::string>{"mobilenet_v3_small"});
  const Json sorted = result_of(outcomes[1], "list", "ok");
  REQUIRE(sorted.size() == 3);
  CHECK(sorted[0].at("name") == "resnet50");
  CHECK(sorted[2].at("name") == "resnet18");
  CHECK_THAT(refusal(outcomes[2]), Catch::Matchers::ContainsSubstring("--max-params: '5Q' is no count"));
  CHECK_THAT(refusal(outcomes[3]), Catch::Matchers::ContainsSubstring("choose name, params, macs or acc1"));
  CHECK_THAT(refusal(outcomes[4]), Catch::Matchers::ContainsSubstring("write mlrun list models"));
  for (const auto& model : result_of(outcomes[5], "list", "ok")) CHECK(model.at("params").get<double>() <= 5e6);
}

TEST_CASE("`list models` chooses by task", "[apps]") {
  const auto outcomes = run_all({{{"list", "models", "resnet1*", "--task", "classification", "--json"}},
                                 {{"list", "models", "--task", "clasification"}},
                                 {{"list", "losses", "--task", "classification"}}});
  const Json fitting = result_of(outcomes[0], "list", "ok");
  CHECK(names(fitting) == std::set<std::string>{"resnet18", "resnet101", "resnet152"});
  for (const Json& model : fitting) CHECK(model.at("task") == "classification");
  CHECK_THAT(refusal(outcomes[1]), Catch::Matchers::ContainsSubstring(
                                       "there is no task named 'clasification'; did you mean classification?"));
  CHECK_THAT(refusal(outcomes[2]), Catch::Matchers::ContainsSubstring(
                                       "tasks, sizes and orders are those of models; write mlrun list models"));
}

TEST_CASE("a list without entries says so on stderr", "[apps]") {
  const auto outcomes = run_all({{{"list", "models", "resnet"}},
                                 {{"list", "models", "zz*", "--json"}},
                                 {{"list", "models", "--max-params", "1"}},
                                 {{"list", "losses", "cross*"}}});
  CHECK(outcomes[0].code == 0);
  CHECK(contains(outcomes[0].err, "nothing in the list of models matches 'resnet'; a part of a name is written"));
  CHECK(result_of(outcomes[1], "list", "ok").empty());
  CHECK(contains(outcomes[1].err, "nothing in the list of models matches 'zz*'\n"));
  CHECK(contains(outcomes[2].err, "nothing in the list of models is within these bounds"));
  CHECK(outcomes[3].err.empty());
}

TEST_CASE("`list` of an unknown kind is refused", "[apps]") {
  const auto outcomes = run_all({{{"list", "modles"}}, {{"list", "zebras"}}, {{"list"}}});
  CHECK_THAT(refusal(outcomes[0]),
             Catch::Matchers::ContainsSubstring("there is no list of 'modles'; did you mean models?"));
  CHECK_THAT(refusal(outcomes[1]), Catch::Matchers::ContainsSubstring(
                                       "choose one of recipes, averagings, batchings, losses, metrics, models"));
  CHECK_THAT(refusal(outcomes[2]), Catch::Matchers::ContainsSubstring("KIND"));
}

}  // namespace
}  // namespace mlrun::test
