#include "engine/train/check.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "engine/run/faulty.h"
#include "quant/qat_companion.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::check_training;
using engine::check_without_data;

namespace {

engine::TrainingCheck check(const std::vector<std::string>& overrides = {}) {
  const Quiet quiet;
  return check_training(recipes::tasks(), tiny(overrides), quant::qat_companion);
}

std::string refusal(const std::vector<std::string>& overrides) {
  return user_error([&] { check(overrides); });
}

/// A file of the tiny recipe's weights, changed by `change`.
template <class Change>
std::string weight_file(const TempDir& folder, const std::vector<std::string>& overrides, Change change) {
  const auto resolved = tiny(overrides);
  const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  nn::Layer& model = *task->models().front().second;
  nn::initialise(model, 1);
  const torch::NoGradGuard no_gradients;
  change(model);
  weights::write_safetensors(folder / "given.safetensors", nn::state_dict(model));
  return (folder / "given.safetensors").string();
}

}  // namespace

TEST_CASE("a sound recipe is told with what it comes to", "[engine]") {
  const auto found = check();
  REQUIRE(found.plan);
  CHECK(found.plan->samples == 40);
  CHECK(found.plan->steps_per_epoch == 3);
  CHECK(found.not_looked_at.empty());
  CHECK(check({"data.drop_last=true"}).plan->steps_per_epoch == 2);
}

TEST_CASE("what cannot work is found without training: data, classes, lengths, names", "[engine]") {
  CHECK(refusal({"data={root: /absent/photos, format: image_folder}"})
            .find("data.root: there is no folder '/absent/photos'") == 0);
  CHECK(refusal({"model.num_classes=7"}).find("model.num_classes: is 7 where the data have 4 classes; ") == 0);
  CHECK(refusal({"averaging={name: swa, start: 9 epochs}"}).find("averaging.start: no weights are ever averaged") == 0);
  CHECK(refusal({"averaging={name: swa, start: 11 steps, every: 2 steps}"}).find("averaging.start: ") == 0);
  CHECK(refusal({"train.select=val/map"}).find("train.select: 'val/map' is not measured during training") == 0);
  CHECK(refusal({"model.freeze=[stage9]"}).find("model.freeze.0: 'stage9' matches no parameter") == 0);
  CHECK(refusal({"data.val_samples=0", "train.early_stopping=2"}).find("train.early_stopping: ") == 0);
  CHECK(refusal({"data.drop_last=true", "train.batch_size=64"}).find("data.drop_last: leaves nothing") == 0);
  CHECK(refusal({"model={name: mobilenet_v3_small, width_mult: 0.25}", "data.train_samples=33"})
            .find("train.batch_size: leaves one of 33 samples") == 0);
}

TEST_CASE("images that a model cannot take are found in every split", "[engine]") {
  const std::string small = "the images are too small for this model: ";
  CHECK(refusal({"model=alexnet"}).find(small) == 0);
  // Training crops them to a size that the model takes, evaluation does not.
  CHECK(refusal({"model=alexnet", "data.augment=[{name: resize, size: 64}, normalize]", "data.channels=3",
                 "data.preprocess=[normalize]"})
            .find(small) == 0);
  CHECK_NOTHROW(check({"model=alexnet", "data.augment=[{name: resize, size: 64}, normalize]", "data.channels=3",
                       "data.preprocess=[{name: resize, size: 64}, normalize]"}));
  for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
    INFO(data::split_name(split));
    CHECK(user_error([&] {
            check_training(faulty_tasks({{split, {0}}}), tiny_watched());
          }) == "photos/0.jpg: the image is cut short; mend or remove it");
    CHECK_NOTHROW(check_training(faulty_tasks({{split, {0}}}), tiny_watched({"data.on_error=skip"})));
  }
}

TEST_CASE("given weights are found to be absent, of another shape or not finite", "[engine]") {
  const TempDir folder;
  CHECK(refusal({"model.weights=" + (folder / "absent.pth").string()}).find("does not exist") != std::string::npos);
  const auto same = [](nn::Layer&) {};
  const std::string five = weight_file(folder, {"data.num_classes=5"}, same);
  CHECK(refusal({"model.weights=" + five}) ==
        five +
            ": weights of another shape (2): fc.weight [5, 16] instead of [4, 16], fc.bias [5] instead of [4]; for "
            "another number of classes set model.head: reinit, which starts the last layer anew");
  CHECK_NOTHROW(check({"model.weights=" + five, "model.head=reinit"}));
  const std::string spoilt = weight_file(folder, {}, [](nn::Layer& model) { model.buffers().front().fill_(NAN); });
  CHECK(refusal({"model.weights=" + spoilt}) ==
        spoilt +
            ": stage1.norm.running_mean: holds numbers that are not finite; such weights are spoilt: take those "
            "of an earlier checkpoint, or another file");
  CHECK_NOTHROW(check({"model.weights={file: " + spoilt + ", skip: [stage1.norm.running_mean]}"}));
}

TEST_CASE("without data what is left is looked at, and what is not is told", "[engine]") {
  const Quiet quiet;
  using Words = std::vector<std::string>;
  const auto resolved = tiny({"data={root: /absent/photos, format: image_folder}"});
  CHECK(check_without_data(resolved).not_looked_at == Words{"the data, their classes and samples"});
  CHECK_FALSE(check_without_data(resolved).plan);
  const auto left_out = [](const std::vector<std::string>& overrides) {
    return check_without_data(tiny(overrides)).not_looked_at.size() == 2;
  };
  CHECK(left_out({"schedule.warmup=9 steps"}));
  CHECK(left_out({"averaging={name: swa, start: 100 steps}"}));
  CHECK_FALSE(left_out({"averaging={name: ema, decay: 0.5}"}));
  for (const char* start : {"9 epochs", "100 %"}) {
    CHECK(user_error([&] {
            check_without_data(tiny({std::string("averaging={name: swa, start: ") + start + "}"}));
          }).find("averaging.start: no weights are ever averaged") == 0);
  }
  CHECK(user_error([&] { check_without_data(tiny({"model.weights=/absent.pth"})); }).find("does not exist") !=
        std::string::npos);
}
