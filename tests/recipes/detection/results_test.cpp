// What detectors found as files: written, read, evaluated.
#include "recipes/detection/results.h"

#include <algorithm>
#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "data/boxes.h"
#include "data/sources/boxed/yolo_text.h"
#include "engine/apply/predict_session.h"
#include "engine/apply/results_session.h"
#include "engine/exhibition.h"
#include "engine/report/page.h"
#include "engine/train/training.h"
#include "metrics/coco/results.h"
#include "models/detection/samples.h"
#include "recipes/detection/asking.h"
#include "well_formed.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// Two images with cats and dogs in COCO's form, and a detector that has seen them once.
struct Animals : TempDir {
  Animals() {
    const Json things = {coco_box(1, 1, 7, {2, 1, 6, 5}), coco_box(2, 1, 3, {8.25, 2.5, 10.5, 7.125}),
                         coco_box(3, 2, 3, {1, 1, 5, 6})};
    for (const std::string split : {"train", "val"}) {
      write_coco_images(*this, split);
      write(split + ".json", json_text(coco_json(things)));
    }
    const Quiet quiet;
    train_in(*this / "run", resolved(), engine::Resume::Never, recipes::tasks());
  }

  config::Resolved resolved(const Words& overrides = {}) const {
    return resolve_text(
        "task: detection\nmodel: {name: retinanet_mobile, num_filters: 16, min_size: [64], max_size: 64}\n"
        "data: {root: " +
            path().string() +
            ", format: coco, train_images: train, train_annotations: train.json, val_images: val, "
            "val_annotations: val.json, augment: detection_train, preprocess: detection_eval}\n"
            "train: {epochs: 1, batch_size: 2, seed: 1, workers: 0, threads: 1, device: cpu}\n"
            "optimizer: {name: adamw, lr: 1e-4}\n",
        overrides);
  }
  engine::Loaded loaded(Words overrides = {}) const {
    overrides.emplace_back("task.answer.score_threshold=0");
    return engine::load(recipes::tasks(), resolved(overrides), engine::choose_weights(*this / "run", "last"));
  }
  /// The task without weights.
  std::unique_ptr<engine::Task> bare(const config::Resolved& recipe) const {
    return recipes::tasks().make(recipe.recipe.task.kind, engine::TaskRequest{recipe.recipe, {}});
  }
  engine::EvalResult evaluated(const fs::path& results, const Words& overrides = {}) const {
    const auto recipe = resolved(overrides);
    return engine::evaluate_results(*bare(recipe), recipe, {results, {}, nullptr});
  }
  /// What a file with this text is refused with, less its name.
  std::string refused(const std::string& text) const {
    const fs::path file = write("refused.json", text);
    const std::string error = user_error([&] { evaluated(file); });
    REQUIRE(error.substr(0, file.string().size() + 2) == file.string() + ": ");
    return error.substr(file.string().size() + 2);
  }
  engine::PredictRequest request(const std::string& format, const fs::path& out, const Words& names) const {
    engine::PredictRequest request;
    for (const auto& name : names) request.files.push_back({*this / "val" / (name + ".png"), name});
    request.format = format;
    request.out = out;
    return request;
  }
};

const Animals& animals() {
  static const Animals animals;
  return animals;
}

std::string result_line(int image, int category, const Json& box) {
  return json_text({{"image_id", image}, {"category_id", category}, {"bbox", box}, {"score", 0.5}});
}

/// Cats and dogs where they are.
std::string right_results() {
  return "[" + result_line(1, 7, {2, 1, 6, 5}) + "," + result_line(1, 3, {8.25, 2.5, 10.5, 7.125}) + "," +
         result_line(2, 3, {1, 1, 5, 6}) + "]";
}

void check_same(const engine::Evaluation& a, const engine::Evaluation& b) {
  REQUIRE(a.figures.size() == b.figures.size());
  for (std::size_t i = 0; i < a.figures.size(); ++i) {
    INFO(a.figures[i].name << " " << a.figures[i].value << " " << b.figures[i].value);
    CHECK(a.figures[i].name == b.figures[i].name);
    CHECK((a.figures[i].value == b.figures[i].value ||
           (std::isnan(a.figures[i].value) && std::isnan(b.figures[i].value))));
  }
  CHECK(a.details.dump() == b.details.dump());
}

TEST_CASE("results that an evaluation writes give its figures to the last digit", "[recipes][detection]") {
  const TempDir folder;
  for (const Words& overrides : {Words{}, Words{"task.metric=voc2007"}}) {
    auto loaded = animals().loaded(overrides);
    engine::EvalRequest request{{}, false, {}};
    request.results_out = folder / "found.json";
    const auto own = engine::evaluate_loaded(loaded, animals().resolved(overrides), request).evaluation;
    const auto written = metrics::read_coco_results(read_file(folder / "found.json"), "found.json").found;
    REQUIRE(written.size() > 3);
    for (const auto& one : written) {
      CHECK((one.image == 1 || one.image == 2));
      CHECK((one.category == 3 || one.category == 7));
    }
    check_same(animals().evaluated(folder / "found.json", overrides).evaluation, own);
  }
}

TEST_CASE("anybody's results are evaluated without a model", "[recipes][detection]") {
  const TempDir folder;
  const auto right = animals().evaluated(folder.write("right.json", right_results()), {"task.metric=voc2012"});
  for (const char* name : {"voc_ap50", "voc07_ap50", "ap", "ap75", "ar100"}) {
    INFO(name);
    REQUIRE(right.evaluation.find(name) != nullptr);
    CHECK(std::abs(right.evaluation.find(name)->value - 100) < 1e-9);
  }
  CHECK(right.evaluation.figures.front().name == "voc07_ap50");
  CHECK(right.evaluation.total == 2);
  CHECK(right.evaluation.details.at("voc_per_class").size() == 2);

  const std::string swapped = "[" + result_line(1, 3, {2, 1, 6, 5}) + "," + result_line(2, 9, {1, 1, 5, 6}) + "]";
  const auto wrong = animals().evaluated(folder.write("wrong.json", swapped));
  CHECK(wrong.evaluation.find("ap")->value == 0);
  CHECK(wrong.evaluation.find("voc_ap50") == nullptr);
  CHECK(animals().evaluated(folder.write("none.json", "[]")).evaluation.find("ap")->value == 0);
}

TEST_CASE("results that are not of the data are refused in one line", "[recipes][detection]") {
  CHECK(animals().refused("[" + result_line(9, 3, {1, 1, 5, 6}) + "]") ==
        "result 1 is of the image 9; the evaluated split has none of this id");
  CHECK(
      animals().refused("[" + result_line(1, 1, {1, 1, 5, 6}) + "," + result_line(2, 2, {1, 1, 5, 6}) + "]") ==
      "all its results are of categories that the data do not have (1, 2); category_id is the id that the annotations "
      "give the class, here 3 to 7");
  CHECK(animals().refused("[" + result_line(1, 3, {1, 1, -5, 6}) + "]") ==
        "result 1 has a bbox that is none; it is [x, y, width, height] in pixels, of the upper left corner");
  CHECK(animals().refused(R"([{"image_id": 1, "category_id": 3, "score": "high", "bbox": [0, 0, 1, 1]}])") ==
        "result 1 has no score that is a number; give each the model's confidence");
  CHECK(animals().refused(R"({"images": [], "annotations": []})").rfind("is no list of results in COCO's form", 0) ==
        0);
  CHECK(animals().refused(R"([{"image_id": 1, "category_id": 3, "score": 1, "keypoints": [1, 1, 2]}])") ==
        "its results have no bbox; evaluate them as what they are");
  CHECK(user_error([] { animals().evaluated(animals() / "absent.json"); }).find("absent.json: ") != std::string::npos);
}

TEST_CASE("results are of images as they lie on disk", "[recipes][detection]") {
  const Words resized = {"data.preprocess=[{name: resize, size: 32}]"};
  auto loaded = animals().loaded(resized);
  engine::EvalRequest request{{}, false, {}};
  request.results_out = animals() / "resized.json";
  CHECK(
      user_error([&] { engine::evaluate_loaded(loaded, animals().resolved(resized), request); }) ==
      "data.preprocess: cuts, resizes, pads or mirrors images, and results are of the images as they lie on disk; take "
      "detection_eval; the model resizes by itself");
  CHECK_FALSE(fs::exists(request.results_out));
}

TEST_CASE("a page shows results as it shows a run's evaluation", "[recipes][detection]") {
  const auto recipe = animals().resolved();
  const auto task = animals().bare(recipe);
  const auto exhibition = task->exhibition();
  const fs::path file = animals().write("miss.json", "[" + result_line(1, 7, {2, 1, 6, 5}) + "]");
  const auto found = engine::evaluate_results(*task, recipe, {file, data::Split::Val, exhibition.get()});
  const auto evidence = engine::evidence_of(*task, found.evaluation, "miss.json", /*of_file=*/true, exhibition.get());
  CHECK(evidence.missing.empty());
  const std::string page = engine::evaluation_page(evidence);
  CHECK(markup_fault(page) == "");
  CHECK(page.find("Results of miss.json on the val split: 2 of 2 samples.") != std::string::npos);
  CHECK(page.find("1 missed, 0 too many") != std::string::npos);
}

TEST_CASE("`predict` writes COCO's results of files", "[recipes][detection]") {
  const TempDir folder;
  auto loaded = animals().loaded();
  auto plain = animals().request("", "", {"1", "2"});
  const auto answers = engine::predict_files(loaded, plain).done;
  const auto done = engine::predict_files(loaded, animals().request("coco", folder / "found.json", {"2", "1"}));
  CHECK(done.done.empty());
  CHECK(done.written == 2);
  const Json list = Json::parse(read_file(folder / "found.json"));
  REQUIRE(list.size() == answers[0].answer.json.size() + answers[1].answer.json.size());
  CHECK(list[0].at("image_id") == 2);  // as its name is a number
  CHECK(list[0].at("file_name") == "2.png");
  const Json& best = answers[1].answer.json[0];
  CHECK(list[0].at("score") == best.at("score"));
  CHECK(list[0].at("category_id") == (best.at("class") == "cat" ? 7 : 3));
  CHECK(list[0].at("bbox")[0] == best.at("box")[0]);
  CHECK(list[0].at("bbox")[2].get<double>() == best.at("box")[2].get<double>() - best.at("box")[0].get<double>());
  CHECK(animals().evaluated(folder / "found.json").evaluation.evaluated == 2);

  auto again = animals().request("coco", folder / "found.json", {"1", "2"});
  again.files[0].name = "sub/one";
  CHECK(user_error([&] { engine::predict_files(loaded, again); }) ==
        (folder / "found.json").string() + ": is there already; name another file, or add --force");
  again.force = true;
  engine::predict_files(loaded, again);
  CHECK(Json::parse(read_file(folder / "found.json"))[0].at("image_id") == 1);  // its place
}

TEST_CASE("`predict` writes YOLO's labels, and scores on demand", "[recipes][detection]") {
  const TempDir folder;
  data::DataInfo info;
  info.classes = {"dog", "cat"};
  using List = std::vector<torch::Tensor>;
  data::Batch batch;
  batch.ids = {"a/1.png"}, batch.indices = {0};
  batch.inputs = {{"image", List{torch::zeros({3, 10, 20})}}};
  const data::Fields found = {
      {"boxes", List{torch::tensor({{2.F, 1.F, 8.F, 6.F}, {0.F, 0.F, 20.F, 10.F}, {5.F, 2.F, 5.F, 4.F}})}},
      {"scores", List{torch::tensor({0.75F, 0.25F, 0.9F})}},
      {"labels", List{torch::tensor({1, 0, 1})}}};
  const auto written = [&](const std::string& form, double shown) {
    const auto writer = detection::write_results(info, {form, folder / form, {"a/1"}}, shown);
    writer->add({batch, found});
    writer->commit();
    return read_file(folder / form / "a/1.txt");
  };
  CHECK(written("yolo", 0.5) == "1 0.250000 0.350000 0.300000 0.500000\n");  // the third has no area to learn from
  CHECK(written("yolo_scores", 0.5) ==
        "1 0.250000 0.350000 0.300000 0.500000 0.750000\n0 0.500000 0.500000 1.000000 1.000000 0.250000\n"
        "1 0.250000 0.300000 0.000000 0.200000 0.900000\n");
  data::BoxProblems problems;
  const auto objects = data::read_yolo(written("yolo", 0), "1.txt", {2}, problems);
  problems.check();
  REQUIRE(objects.size() == 2);
  CHECK(objects[0].label == 1);

  auto sure = animals().loaded({"task.answer.shown_score=1"});
  auto request = animals().request("yolo", folder / "sure", {"1", "2"});
  request.files[1].name = "sub/2";
  engine::predict_files(sure, request);
  CHECK(read_file(folder / "sure/1.txt").empty());
  CHECK(fs::exists(folder / "sure/sub/2.txt"));
}

TEST_CASE("`predict --format` wants a form that there is, and a place", "[recipes][detection]") {
  auto loaded = animals().loaded();
  const auto error = [&](const std::string& format, const fs::path& out) {
    return user_error([&] { engine::predict_files(loaded, animals().request(format, out, {"1"})); });
  };
  CHECK(error("voc", animals() / "x") == "--format: this task has no 'voc'; choose coco, yolo, yolo_scores or csv");
  CHECK(error("coco", "") == "--format: it is not said where to; add -o FILE");
  CHECK(error("yolo", "") == "--format: it is not said where to; add -o DIR");
  CHECK(error("csv", animals() / "absent/found.csv").find("absent/found.csv: ") != std::string::npos);
  CHECK_FALSE(fs::exists(animals() / "x"));
}

TEST_CASE("suppression across classes leaves a place one box", "[recipes][detection]") {
  const models::Found all{torch::tensor({{0.F, 0.F, 10.F, 10.F}, {0.F, 0.F, 10.F, 9.F}, {20.F, 0.F, 30.F, 10.F}}),
                          torch::tensor({0.6F, 0.9F, 0.3F}), torch::tensor({1, 2, 1})};
  models::DetectionSettings how;
  CHECK(models::best_found(all, how).labels.equal(torch::tensor({2, 1, 1})));
  how.agnostic = true;
  CHECK(models::best_found(all, how).labels.equal(torch::tensor({2, 1})));
  CHECK(models::best_found(all, how).scores.equal(torch::tensor({0.9F, 0.3F})));
  const torch::Tensor none = torch::empty({0});
  CHECK(models::best_found({torch::empty({0, 4}), none, none.to(torch::kLong)}, how).boxes.size(0) == 0);

  detection::AnswerSettings settings;
  models::DetectionSettings applied;
  settings.apply(applied);
  CHECK_FALSE(applied.agnostic);
  settings.agnostic_nms = true;
  settings.apply(applied);
  CHECK(applied.agnostic);
}

}  // namespace
}  // namespace mlrun::test
