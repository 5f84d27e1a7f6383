#include <map>

#include "apps/run_mlrun.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

Invocation offline(const TempDir& folder, std::vector<std::string> arguments,
                   std::map<std::string, std::string> environment = {}) {
  environment.emplace("XDG_CACHE_HOME", folder / "cache");
  environment.emplace("TORCH_HOME", folder / "torch");
  return {std::move(arguments), folder.path(), std::move(environment)};
}

TEST_CASE("`weights list` shows what torchvision publishes", "[apps]") {
  const TempDir folder;
  folder.write("torch/hub/checkpoints/resnet50-0676ba61.pth", "there, whatever it is");
  const auto outcomes = run_all(
      {offline(folder, {"weights", "list", "--json"}), offline(folder, {"weights", "list", "resnet50", "--json"}),
       offline(folder, {"weights", "list", "*/IMAGENET1K_SWAG*", "--json"}),
       offline(folder, {"weights", "list", "resnet50"}), offline(folder, {"weights", "list", "zebra", "--json"}),
       offline(folder, {"weights", "list", "lraspp*"}), offline(folder, {"weights", "list", "*rcnn*"})});
  CHECK(result_of(outcomes[0], "weights list", "ok").size() == 134);
  const Json list = result_of(outcomes[1], "weights list", "ok");
  REQUIRE(list.size() == 2);
  CHECK(list[0].at("name") == "resnet50/IMAGENET1K_V1");
  CHECK(list[0].at("path") == (folder / "torch/hub/checkpoints/resnet50-0676ba61.pth").string());
  CHECK(list[0].at("default") == false);
  CHECK(list[1].at("path").is_null());
  CHECK(list[1].at("default") == true);
  CHECK(list[1].at("url") == "https://download.pytorch.org/models/resnet50-11ad3fa6.pth");
  CHECK(list[1].at("sha256") == "11ad3fa6");
  CHECK(list[1].at("metrics").at("acc1") == 80.858);
  CHECK(list[1].at("resize_size") == 232);
  CHECK(result_of(outcomes[2], "weights list", "ok").size() == 12);
  CHECK(contains(outcomes[3].out, "resnet50/IMAGENET1K_V2  yes      80.858  95.434"));
  CHECK(result_of(outcomes[4], "weights list", "ok") == Json::array());
  CHECK(contains(outcomes[5].out, "lraspp_mobilenet_v3_large/COCO_WITH_VOC_LABELS_V1  yes      57.900     91.200"));
  CHECK(contains(outcomes[6].out, "default      ap  keypoint_ap  mask_ap  params  crop  here"));
  CHECK(contains(outcomes[6].out,
                 "maskrcnn_resnet50_fpn/COCO_V1                  yes      37.900            -   34.600"));
}

TEST_CASE("`weights get` says which file to put where when it cannot download", "[apps]") {
  const TempDir folder;
  const std::string file = "resnet18-f37072fd.pth";
  const std::string place = (folder / "cache/mlrun/weights").string();
  folder.write("forged/" + file, "other content");
  const std::string nowhere = "file://" + (folder / "nowhere").string();
  const auto outcomes =
      run_all({offline(folder, {"weights", "get", "resnet18", "--mirror", nowhere}),
               offline(folder, {"weights", "get", "resnet18/IMAGENET1K_V1"}, {{"MLRUN_WEIGHTS_MIRROR", nowhere}}),
               offline(folder, {"weights", "get", "resnet18", "--mirror", "file://" + (folder / "forged").string()}),
               offline(folder, {"weights", "get", "resnet18", "resnet81"}),
               offline(folder, {"weights", "path", "ResNet18_Weights.IMAGENET1K_V1"}),
               offline(folder, {"weights", "get", "resnet18", "--mirror", "gopher://x"})});
  for (const int i : {0, 1}) {
    const std::string text = refusal(outcomes[static_cast<std::size_t>(i)]);
    CHECK(contains(text, nowhere + "/" + file + " cannot be downloaded: "));
    CHECK(contains(text, "; put the file " + file + " into " + place));
  }
  CHECK(contains(refusal(outcomes[2]), "which does not begin with f37072fd"));
  CHECK(contains(refusal(outcomes[3]), "no published weights are called 'resnet81'; did you mean"));
  CHECK(contains(refusal(outcomes[4]),
                 "the weights resnet18/IMAGENET1K_V1 are not on this machine; run `mlrun weights get "
                 "resnet18/IMAGENET1K_V1`, or put the file " +
                     file + " into " + place));
  CHECK(contains(refusal(outcomes[5]), "cannot be downloaded"));
  CHECK_FALSE(fs::exists(fs::path(place) / file));
  CHECK_FALSE(fs::exists(fs::path(place) / (file + ".part")));
}

TEST_CASE("training with published weights that are not there says how to get them", "[apps]") {
  const TempDir folder;
  folder.write("r.yaml",
               "task: classification\n"
               "model: {name: resnet18, weights: IMAGENET1K_V1, head: reinit}\n"
               "data: {format: synthetic}\n");
  const auto outcome = run(offline(folder, {"train", "r.yaml", "--out", "run"}));
  const std::string text = refusal(outcome);
  CHECK(contains(text, "r.yaml:2:34: model.weights.file: the weights resnet18/IMAGENET1K_V1 are not on this machine"));
  CHECK(contains(text, "mlrun weights get resnet18/IMAGENET1K_V1"));
  CHECK_FALSE(fs::exists(folder / "run"));
}

}  // namespace
}  // namespace mlrun::test
