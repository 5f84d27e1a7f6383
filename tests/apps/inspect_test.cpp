#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("`inspect` shows a run, a checkpoint and a weight file", "[apps]") {
  const TinyRun& tiny = tiny_run();
  const fs::path best = tiny.run / "checkpoints" / "best";
  const auto outcomes = run_all({{{"inspect", tiny.run, "--json"}},
                                 {{"inspect", best, "--json"}},
                                 {{"inspect", best / "model.safetensors", "--json"}},
                                 {{"inspect", tiny.run}}});
  for (const auto& outcome : outcomes) CHECK(outcome.code == 0);

  const Json run = result_of(outcomes[0], "inspect", "ok");
  CHECK(run.at("state") == "finished");
  CHECK(run.at("seed") == 0);
  CHECK(run.at("checkpoints") == Json{"step-00000016", "step-00000024", "step-00000032"});
  CHECK(contains(outcomes[3].out, "finished"));

  const Json weights = result_of(outcomes[1], "inspect", "ok");
  CHECK(weights.at("sha256") == sha256_file(best / "model.safetensors"));
  CHECK(weights.at("bytes") == fs::file_size(best / "model.safetensors"));
  CHECK(Json::parse(weights.at("metadata").at("classes").get<std::string>()) == Json{"0", "1", "2", "3", "4"});
  bool found = false;
  for (const auto& tensor : weights.at("tensors")) {
    if (tensor.at("name") != "fc.weight") continue;
    found = true;
    CHECK(tensor.at("dtype") == "F32");
    CHECK(tensor.at("shape") == Json{5, 16});
    CHECK(tensor.at("bytes") == 5 * 16 * 4);
  }
  CHECK(found);
  CHECK(result_of(outcomes[2], "inspect", "ok").at("tensors") == weights.at("tensors"));
}

TEST_CASE("`inspect --model` counts parameters and multiply-adds layer by layer", "[apps]") {
  const auto outcomes = run_all({{{"inspect", "--model", "resnet18", "--json"}}, {{"inspect", "--model", "resnet18"}}});
  const Json model = result_of(outcomes[0], "inspect", "ok");
  CHECK(model.at("params") == 11689512);
  CHECK(model.at("macs") == 1814073344);
  std::int64_t parameters = 0;
  for (const auto& layer : model.at("layers")) {
    if (layer.at("name") == "fc") CHECK(layer.at("output") == Json{1, 1000});
    if (layer.at("name") == "fc") parameters = layer.at("params").get<std::int64_t>();
  }
  CHECK(parameters == 513000);
  CHECK(contains(outcomes[1].out, "resnet18 at 224 px: 11,689,512 parameters"));
}

TEST_CASE("`inspect --model` takes the model's options", "[apps]") {
  const auto outcomes = run_all({{{"inspect", "--model", "resnet18", "model.num_classes=10", "--json"}},
                                 {{"inspect", "--model", "resnet18", "--input-size", "448", "--json"}},
                                 {{"inspect", "--model", "resnet18", "model.num_clases=10"}},
                                 {{"inspect", "model.num_classes=10"}},
                                 {{"inspect", "--model", "resnet18", "--input-size", "0"}},
                                 {{"inspect", "--model", "resnet18", "--input-size", "100000000"}}});
  CHECK(result_of(outcomes[0], "inspect", "ok").at("params") == 11689512 - 513000 + 5130);
  const Json large = result_of(outcomes[1], "inspect", "ok");
  CHECK(large.at("input_size") == 448);
  CHECK(large.at("macs") == 4 * (std::int64_t{1814073344} - 512000) + 512000);
  CHECK_THAT(refusal(outcomes[2]), Catch::Matchers::ContainsSubstring("did you mean num_classes?"));
  CHECK_THAT(refusal(outcomes[3]), Catch::Matchers::ContainsSubstring("add --model NAME"));
  for (const std::size_t i : {4, 5}) CHECK_THAT(refusal(outcomes[i]), Catch::Matchers::ContainsSubstring("65536"));
}

TEST_CASE("`inspect` refuses what is damaged or not there", "[apps]") {
  const TempDir folder;
  const std::string whole = read_file(tiny_run().run / "checkpoints" / "best" / "model.safetensors");
  folder.write("cut.safetensors", whole.substr(0, whole.size() - 10));
  folder.write("junk.safetensors", "this is no weight file at all");
  const auto outcomes = run_all({{{"inspect", "cut.safetensors"}, folder.path(), {}},
                                 {{"inspect", "junk.safetensors"}, folder.path(), {}},
                                 {{"inspect", "."}, folder.path(), {}},
                                 {{"inspect", "absent"}, folder.path(), {}},
                                 {{"inspect"}, folder.path(), {}},
                                 {{"inspect", "--model", "resnet81"}, folder.path(), {}}});
  const std::vector<std::string> texts = {"cut.safetensors: ",      "junk.safetensors: ", "is no run",
                                          "absent: does not exist", "nothing is named",   "resnet81"};
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    CHECK_THAT(refusal(outcomes[i]), Catch::Matchers::ContainsSubstring(texts[i]));
}

}  // namespace
}  // namespace mlrun::test
