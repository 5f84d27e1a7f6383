// Detection from the recipe to the boxes that it draws.
#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "data/image/decode.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/synthetic_shapes.h"
#include "deploy/bench/subject.h"
#include "deploy/subject.h"
#include "engine/apply/apply_session.h"
#include "engine/apply/predict_session.h"
#include "engine/train/training.h"
#include "recipes/detection/asking.h"
#include "recipes/detection/samples.h"
#include "report/png.h"
#include "well_formed.h"

namespace mlrun::test {
namespace {

using engine::Resume;

config::Resolved boxes(const std::vector<std::string>& overrides = {}) {
  return resolve_text(R"(
task: detection
model: {name: retinanet_resnet50_fpn, min_size: [64], max_size: 96}
data: {format: synthetic_boxes, train_samples: 8, val_samples: 4, test_samples: 4, height: 64, width: 80, shapes: 2,
       augment: detection_train, preprocess: detection_eval}
train: {epochs: 2, batch_size: 4, seed: 1, workers: 0, threads: 1, device: cpu}
optimizer: {name: adamw, lr: 1e-4}
)",
                      overrides);
}

engine::TrainResult train(const std::filesystem::path& run, const config::Resolved& resolved,
                          Resume resume = Resume::Never) {
  return train_in(run, resolved, resume, recipes::tasks());
}

engine::Loaded loaded_from(const std::filesystem::path& run, const config::Resolved& resolved) {
  return engine::load(recipes::tasks(), resolved, engine::choose_weights(run, ""));
}

TEST_CASE("a detection trains, and resumes to the same bits", "[recipes][detection]") {
  const TempDir folder;
  const Quiet quiet;
  const auto trained = train(folder / "whole", boxes());
  REQUIRE(trained.state == engine::TrainResult::State::Finished);
  for (const char* name : {"test/ap", "test/ap50", "test/ar100"}) CHECK(trained.summary["metrics"].contains(name));
  const std::string curves = read_file(folder / "whole/metrics.csv");
  for (const char* name : {"classification", "bbox_regression", "loss"}) {
    CHECK(curves.find(std::string("train/") + name) != std::string::npos);
  }
  train(folder / "parts", boxes({"train.max_time=0.001 s"}));
  train(folder / "parts", boxes({"train.max_time=null"}), Resume::Must);
  CHECK(last_file(folder / "whole", "model.safetensors") == last_file(folder / "parts", "model.safetensors"));
}

TEST_CASE("what a detector finds does not depend on the batches", "[recipes][detection]") {
  const TempDir folder;
  const Quiet quiet;
  train(folder / "run", boxes({"train.epochs=1"}));
  std::vector<std::vector<double>> found;
  for (const char* size : {"1", "3", "4"}) {
    const auto resolved = boxes({std::string("train.eval_batch_size=") + size, "task.answer.score_threshold=0"});
    auto loaded = loaded_from(folder / "run", resolved);
    const auto result = engine::evaluate_loaded(loaded, resolved, {data::Split::Test, false, {}});
    found.push_back({result.evaluation.find("ap")->value, result.evaluation.find("ar100")->value});
  }
  CHECK(found[0] == found[1]);
  CHECK(found[0] == found[2]);
}

TEST_CASE("a detection's answer is boxes in the pixels of the file", "[recipes][detection]") {
  const TempDir folder;
  const Quiet quiet;
  train(folder / "run", boxes({"train.epochs=1"}));
  auto loaded = loaded_from(folder / "run", boxes({"task.answer={score_threshold: 0, detections: 5, shown_score: 0}"}));
  const std::vector<std::uint8_t> pixels(3 * 100 * 60, 128);
  engine::PredictRequest request;
  request.files = {{folder.write("in.png", report::png(pixels.data(), 100, 60, 3)), "in"}};
  request.out = folder / "out";
  const auto done = engine::predict_files(loaded, request);
  REQUIRE(done.failed.empty());
  const Json& answer = done.done.at(0).answer.json;
  REQUIRE(answer.size() == 5);
  double before = 1;
  for (const Json& entry : answer) {
    const auto box = entry.at("box").get<std::vector<double>>();
    CHECK((0 <= box[0] && box[0] <= box[2] && box[2] <= 100));
    CHECK((0 <= box[1] && box[1] <= box[3] && box[3] <= 60));
    CHECK(entry.at("score").get<double>() <= before);
    before = entry.at("score").get<double>();
    CHECK(entry.at("class").get<std::string>().starts_with("shape "));
  }
  const torch::Tensor drawn = data::decode_image(read_file(folder / "out/in_boxes.png"), "in_boxes.png");
  CHECK(drawn.sizes() == torch::IntArrayRef({60, 100, 3}));
  CHECK(drawn.ne(128).any().item<bool>());
}

TEST_CASE("boxes lie tightly around made-up shapes", "[recipes][detection]") {
  data::SyntheticShapesOptions options;
  options.shapes = 1, options.noise = 0, options.height = 40, options.width = 56;
  const auto dataset = data::open_synthetic_boxes(options, {});
  CHECK(dataset->info().classes == std::vector<std::string>{"shape 1", "shape 2"});
  const auto source = dataset->split(data::Split::Train);
  for (std::int64_t i = 0; i < 20; ++i) {
    const data::Sample sample = source->get({i, 0, 0});
    const torch::Tensor shape = sample.inputs.tensor("image").ne(128).any(2);
    const torch::Tensor rows = shape.any(1).nonzero(), columns = shape.any(0).nonzero();
    const torch::Tensor around = torch::stack({columns.min(), rows.min(), columns.max() + 1, rows.max() + 1});
    CHECK(sample.targets.tensor("boxes")[0].to(torch::kLong).equal(around));
    CHECK(sample.targets.tensor("labels").item<std::int64_t>() < 2);
  }
}

TEST_CASE("a model of masks wants data with masks", "[recipes][detection]") {
  const TempDir folder;
  const Quiet quiet;
  CHECK(user_error([&] {
          train(folder / "run", boxes({"model={name: maskrcnn_resnet50_fpn, min_size: [64], max_size: 96}"}));
        }) ==
        "this model learns masks, and the data have none; choose data with them (of coco: data.masks=true), or a model "
        "of boxes alone");
}

TEST_CASE("a detector without a recipe is measured on a made-up image and its size", "[recipes][detection]") {
  const std::string name = "ssdlite320_mobilenet_v3_large";
  auto subject = deploy::bench_subject(name, {});
  deploy::add_made_up_sample(subject, recipes::tasks(), recipes::catalogue(), {}, 200);
  REQUIRE(subject.sample.size() == 2);
  CHECK(subject.sample[0].sizes() == torch::IntArrayRef({1, 3, 320, 320}));
  CHECK(subject.sample[1].equal(torch::tensor({{320, 320}})));
  const auto exported = deploy::subject_of(recipes::tasks(), recipes::transforms(), name, {}, 0, 1);
  CHECK(exported.samples.at(0).sizes() == torch::IntArrayRef({1, 3, 320, 320}));
  CHECK(exported.samples.at(1).equal(torch::tensor({{320, 320}})));
  auto image = deploy::bench_subject("resnet18", {});
  deploy::add_made_up_sample(image, recipes::tasks(), recipes::catalogue(), {}, 0);
  CHECK(image.sample.empty());
}

TEST_CASE("heads count classes from 1, or by the numbers of the data's categories", "[recipes][detection]") {
  const detection::HeadLabels counted(3, {7, 9}, 2), by_number(10, {7, 9}, 2);
  CHECK(counted.of_classes(torch::tensor({1, 0})).equal(torch::tensor({2, 1})));
  CHECK(by_number.of_classes(torch::tensor({1, 0})).equal(torch::tensor({9, 7})));
  detection::Found found{torch::rand({3, 4}), torch::tensor({0.9, 0.8, 0.7}), torch::tensor({9, 3, 7})};
  by_number.keep_classes(found);
  CHECK(found.labels.equal(torch::tensor({1, 0})));
  CHECK(found.scores.equal(torch::tensor({0.9, 0.7})));
  CHECK(found.boxes.size(0) == 2);
  const std::string expected =
      "model.num_classes: is 5 where the data have 2 classes and the background is one more; leave it out: the model "
      "gets as many outputs as it needs";
  CHECK(user_error([] { detection::HeadLabels(5, {7, 9}, 2); }) == expected);
  CHECK(user_error([] { detection::HeadLabels(5, {}, 2); }) == expected);
}

TEST_CASE("objects that leave an image are dropped with all that is known of them", "[recipes][detection]") {
  struct One : data::Source {
    std::int64_t size() const override { return 1; }
    data::Sample get(const data::SampleKey&) const override {
      return {"a",
              0,
              {{"image", torch::zeros({3, 8, 8})}},
              {{"boxes", torch::tensor({{0.F, 0.F, 4.F, 4.F}, {8.F, 2.F, 8.F, 5.F}})},
               {"labels", torch::tensor({1, 2})},
               {"crowd", torch::tensor({false, true})}}};
    }
  };
  data::DataInfo info;
  info.facts["boxes"] = true;
  const data::Sample sample = detection::keep_visible(std::make_shared<One>(), data::box_followers(info))->get({});
  CHECK(sample.targets.tensor("boxes").size(0) == 1);
  CHECK(sample.targets.tensor("labels").equal(torch::tensor({1})));
  CHECK(sample.targets.tensor("crowd").equal(torch::tensor({false})));
  const data::Batch batch = detection::listed({sample, sample});
  CHECK(detection::list_of(batch.targets, "labels").size() == 2);
  CHECK(detection::list_of(batch.inputs, "image").at(1).sizes() == torch::IntArrayRef({3, 8, 8}));
}

TEST_CASE("a detection wants a head for its classes and the background", "[recipes][detection]") {
  const auto resolved = boxes({"model.num_classes=7"});
  const auto make = [&] { recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}}); };
  CHECK(user_error(make).starts_with("model.num_classes: is 7 where the data have 2 classes"));
}

}  // namespace
}  // namespace mlrun::test
