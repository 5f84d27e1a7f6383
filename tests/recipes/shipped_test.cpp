#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include <torch/types.h>

#include "engine/train/trainer.h"
#include "engine/train/training.h"
#include "json_schema.h"
#include "models/registry.h"

using namespace mlrun;
using namespace mlrun::test;
namespace fs = std::filesystem;

namespace {

/// Every recipe below configs/, found by listing: a new one is covered without a word here.
std::vector<fs::path> shipped_recipes() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(source_root() / "configs")) {
    const fs::path inside = fs::relative(entry.path(), source_root() / "configs");
    if (entry.path().extension() == ".yaml" && *inside.begin() != "data" && *inside.begin() != "tables") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

config::Resolved resolve_shipped(const fs::path& file, const std::vector<std::string>& overrides = {}) {
  config::LayerRequest request{file, {}};
  request.recipe_folders = {source_root() / "configs"};
  for (const auto& override : overrides) request.overrides.push_back(config::parse_override(override));
  return config::resolve(request, recipes::catalogue());
}

/// Models with an option for it take images of one size alone.
bool has_fixed_size(const config::Recipe& recipe) {
  const config::Spec& spec = *recipes::catalogue().at("model").at(recipe.model.architecture.name).options;
  return spec.find("input_size") != nullptr || spec.find("image_size") != nullptr;
}

/// Small crops of images with masks, where the model takes them.
void reduce_crops(const config::Recipe& recipe, std::vector<std::string>& overrides) {
  const auto least = models::models().at(recipe.model.architecture.name).facts.value("min_size", std::int64_t{1});
  const std::string side = std::to_string(std::max<std::int64_t>(64, (least + 15) / 16 * 16));
  for (std::size_t i = 0; i < recipe.data.augment.size(); ++i) {
    const std::string key = "data.augment." + std::to_string(i) + ".";
    if (recipe.data.augment[i].name == "segmentation_train") overrides.push_back(key + "crop_size=" + side);
    if (recipe.data.augment[i].name == "random_crop") overrides.push_back(key + "size=" + side);
  }
}

/// What makes two steps of any recipe a matter of a second: few made-up images, small ones where the model allows it.
std::vector<std::string> reductions(const config::Recipe& recipe) {
  const std::string& task = recipe.task.kind.name;
  const bool masks = task == "segmentation";
  const std::string format = masks ? "synthetic_shapes" : task == "detection" ? "synthetic_instances" : "synthetic";
  std::vector<std::string> all = {"data.format=" + format, "data.train_samples=4", "data.val_samples=2",
                                  "data.test_samples=2",   "data.num_classes=5",   "data.height=40",
                                  "data.width=40",         "train.batch_size=2",   "train.accumulate=1",
                                  "train.workers=0",       "train.threads=1",      "train.device=cpu",
                                  "train.amp=none",        "data.split=null"};
  const bool grey = recipe.data.source.name == "idx";
  all.push_back(std::string("data.channels=") + (grey ? "1" : "3"));
  const bool preset = !recipe.data.augment.empty() && recipe.data.augment.front().name == "classification_train";
  if (preset && !has_fixed_size(recipe)) all.push_back("data.augment.0.crop_size=64");
  if (masks) reduce_crops(recipe, all);
  const config::Spec& model = *recipes::catalogue().at("model").at(recipe.model.architecture.name).options;
  if (model.find("min_size") != nullptr) all.insert(all.end(), {"model.min_size=[64]", "model.max_size=64"});
  if (recipe.averaging.method.name == "swa") all.push_back("averaging.every=1 epoch");
  return all;
}

/// Two steps by the real trainer.
void train_two_steps(const fs::path& file) {
  const auto resolved = resolve_shipped(file, reductions(resolve_shipped(file).recipe));
  const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  engine::Trainer trainer(*task, resolved.recipe, engine::make_context(resolved.recipe.train));
  const nn::Layer& model = *task->models().front().second;
  std::vector<torch::Tensor> before;
  for (const auto& parameter : model.parameters()) before.push_back(parameter.detach().clone());

  struct Losses : engine::Hook {
    void on_step(const engine::StepReport& report) override { values.push_back(report.loss); }
    std::vector<double> values;
  } losses;
  trainer.run_steps(2, {&losses});
  REQUIRE(losses.values.size() == 2);
  for (const double loss : losses.values) CHECK(std::isfinite(loss));
  bool moved = false;
  const auto after = model.parameters();
  for (std::size_t i = 0; i < after.size(); ++i) moved = moved || !torch::equal(after[i], before[i]);
  CHECK(moved);
  const auto sample = task->source(data::Split::Val)->get({0, 0, 0});
  CHECK(sample.inputs.tensor("image").dim() == 3);
}

}  // namespace

TEST_CASE("every shipped recipe is sound, and its figures say where they come from and what they are true of",
          "[recipes][shipped]") {
  const auto files = shipped_recipes();
  REQUIRE(files.size() >= 20);
  std::set<std::string> rows;
  for (const auto& file : files) {
    INFO(file.string());
    const auto recipe = resolve_shipped(file).recipe;
    for (const auto& expectation : recipe.expect) {
      CHECK_FALSE(expectation.source.value_or("").empty());
      if (!expectation.row) continue;
      CHECK(expectation.when.samples);
      // A row of a published table belongs to one recipe.
      CHECK(rows.insert(*expectation.row + " " + expectation.metric).second);
    }
  }
  for (const char* row :
       {"T1/mobilenet_v3_large val/acc1", "T1/mobilenet_v3_small val/acc5", "T1/resnet50 val/acc1",
        "T1/mobilenet_v3_ablation/label_smoothing val/acc1", "T5/maxvit_t val/acc1",
        "T3/lraspp_mobilenet_v3_large val/miou", "T3/fcn_mobilenet_v3_large_320 val/pixel_acc",
        "T3/deeplabv3_resnet50 val/miou", "mosaic/best val/miou", "T2/retinanet_resnet50_fpn val/ap"}) {
    INFO(row);
    CHECK(rows.count(row) == 1);
  }
}

TEST_CASE("the schema takes every shipped recipe, as it is written and whole, and no key that is misspelt",
          "[recipes][shipped]") {
  const Json schema = config::json_schema(recipes::catalogue());
  for (const auto& file : shipped_recipes()) {
    INFO(file.string());
    Json written = plain(config::read_yaml(file));
    CHECK(takes(schema, written));
    const Json whole = resolve_shipped(file).values;
    CHECK(takes(schema, whole));
    for (const auto& [section, value] : whole.items()) {
      if (!value.is_object()) continue;
      INFO(section);
      Json misspelt = whole;
      misspelt[section]["nmae"] = 1;
      CHECK_FALSE(takes(schema, misspelt));
    }
    written["trian"] = Json::object();
    CHECK_FALSE(takes(schema, written));
  }
}

TEST_CASE("every shipped recipe trains", "[recipes][shipped]") {
  const Quiet quiet;
  for (const auto& file : shipped_recipes()) {
    INFO(file.string());
    CHECK_NOTHROW(train_two_steps(file));
  }
}
