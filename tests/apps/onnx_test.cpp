#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

TEST_CASE("`eval`, `predict` and `inspect` take ONNX files", "[apps][onnx]") {
  const TempDir folder;
  const TinyRun& tiny = tiny_run();
  const auto file = fixture("deploy/classifier.onnx"), softmax = fixture("deploy/classifier_softmax.onnx");
  std::string recipe = kTinyRecipe;
  recipe.replace(recipe.find("num_classes: 5"), 14, "num_classes: 4");
  folder.write("four.yaml", recipe);
  recipe = kTinyRecipe;
  recipe.replace(recipe.find("size: [16, 16]"), 14, "size: [24, 24]");
  folder.write("larger.yaml", recipe);
  folder.write("image.ppm", ppm(16, 16, 7));
  const auto outcomes = run_all({{{"eval", tiny.recipe, "--weights", file, "--json"}, folder.path()},
                                 {{"eval", tiny.run, "--weights", file, "--json"}, folder.path()},
                                 {{"predict", tiny.run, "image.ppm", "--weights", file, "--json"}, folder.path()},
                                 {{"inspect", file, "--json"}, folder.path()},
                                 {{"eval", "four.yaml", "--weights", file}, folder.path()},
                                 {{"eval", "larger.yaml", "--weights", file}, folder.path()},
                                 {{"eval", file}, folder.path()},
                                 {{"eval", tiny.run, "--weights", softmax, "--json"}, folder.path()},
                                 {{"predict", tiny.run, "image.ppm", "--weights", softmax, "--json"}, folder.path()},
                                 {{"eval", tiny.run, "--weights", softmax}, folder.path()}});
  const Json result = result_of(outcomes[0], "eval", "ok");
  CHECK(result.at("engine") == "mlrun onnx");
  CHECK(result.at("weights") == "classifier.onnx");
  CHECK(result.at("samples").at("evaluated") == 23);
  CHECK(result_of(outcomes[1], "eval", "ok").at("metrics") == result.at("metrics"));
  CHECK(result_of(outcomes[2], "predict", "ok").at("files").at(0).at("predictions").size() == 5);
  const Json shown = result_of(outcomes[3], "inspect", "ok");
  CHECK(shown.at("format") == "onnx");
  CHECK(shown.at("opset") == 13);
  CHECK(shown.at("inputs").at(0).at("shape") == Json({nullptr, 3, 16, 16}));
  CHECK(shown.at("operators").at("Gemm") == 1);
  CHECK(outcomes[4].code == 2);
  CHECK(contains(outcomes[4].err, "classifier.onnx: has 5 outputs, and the recipe's data have 4 classes"));
  CHECK(outcomes[5].code == 2);
  CHECK(contains(outcomes[5].err, "takes images of 3x16x16, and is given 3x24x24 (channels, height, width)"));
  CHECK(outcomes[6].code == 2);
  CHECK(contains(outcomes[6].err, "classifier.onnx: carries no recipe"));
  CHECK(result.at("outputs").at("kind") == "logits");
  // The same network ending in Softmax scores the same, and it is said why.
  const Json probable = result_of(outcomes[7], "eval", "ok");
  CHECK(probable.at("outputs").at("kind") == "softmax");
  CHECK(probable.at("outputs").at("taken") == "before");
  for (const auto& [name, value] : result.at("metrics").items()) {
    INFO(name);
    CHECK(probable.at("metrics").at(name).get<double>() == Approx(value.get<double>()).margin(1e-6));
  }
  const Json predicted = result_of(outcomes[8], "predict", "ok");
  CHECK(predicted.at("outputs").at("seen_in") == "graph");
  const auto most_likely = [](const Json& json) {
    return json.at("files").at(0).at("predictions").at(0).at("probability").get<double>();
  };
  CHECK(most_likely(predicted) == Approx(most_likely(outcomes[2].json().at("result"))).epsilon(1e-5));
  CHECK(contains(outcomes[9].out, "(Softmax, opset 13)): the values before it are taken\n"));
}

}  // namespace
}  // namespace mlrun::test
