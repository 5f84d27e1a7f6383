// Every command on tasks that classify nothing: what the engine assumes of a task shows here.

#include <algorithm>

#include "deploy/bench/bench.h"
#include "deploy/export_session.h"
#include "engine/apply_session.h"
#include "engine/average/session.h"
#include "engine/report/page.h"
#include "engine/run/model_state.h"
#include "engine/train/check.h"
#include "engine/train/training.h"
#include "quant/quantize_session.h"
#include "tasks/pair.h"
#include "tasks/ragged.h"
#include "tasks/regression.h"
#include "well_formed.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;

namespace {

/// An example task as the command line would meet it.
struct Toy {
  std::string name, recipe;
  const engine::TaskFactory& tasks;
  const config::Catalogue& catalogue;
  std::string headline;
  std::vector<std::string> dumped;  ///< what --dump-outputs holds

  config::Resolved resolved(const std::vector<std::string>& overrides = {}) const {
    return resolve_text("task: " + name + R"(
train: {epochs: 6, batch_size: 16, seed: 3, workers: 0, threads: 1, device: cpu}
optimizer: {name: sgd, lr: 0.1, momentum: 0.9}
)" + recipe,
                        overrides, catalogue);
  }
  engine::TrainResult train(const std::filesystem::path& run, const config::Resolved& resolved,
                            Resume resume = Resume::Never) const {
    return train_in(run, resolved, resume, tasks);
  }
};

std::vector<Toy> all_toys() {
  return {{"regression",
           "model: mlp\ndata: {format: waves, augment: none, preprocess: none}\n",
           mlrun::toys::regression_tasks(),
           mlrun::toys::regression_catalogue(),
           "rmse",
           {"outputs", "targets", "index"}},
          {"pair",
           "model: two_layers\ndata: {format: synthetic, augment: none, preprocess: none}\n",
           mlrun::toys::pair_tasks(),
           mlrun::toys::pair_catalogue(),
           "gap",
           {"outputs.number", "outputs.score", "targets", "index"}},
          {"ragged",
           "model: mover\ndata: {format: synthetic, augment: none, preprocess: none}\n",
           mlrun::toys::ragged_tasks(),
           mlrun::toys::ragged_catalogue(),
           "mae",
           {"outputs.moved", "outputs.moved.counts", "outputs.sum", "targets", "targets.counts", "index"}}};
}

std::vector<double> column(const std::filesystem::path& run, const std::string& name) {
  std::vector<double> values;
  for (const Json& row : json_lines(run / "metrics.jsonl")) {
    if (row.contains(name)) values.push_back(row[name].get<double>());
  }
  return values;
}

}  // namespace

TEST_CASE("a task whose figure is better lower trains to its lowest, and says so", "[tasks]") {
  for (const Toy& toy : all_toys()) {
    INFO(toy.name);
    const TempDir folder;
    const auto trained = toy.train(folder / "run", toy.resolved({"averaging={name: ema, decay: 0.5}"}));
    REQUIRE(trained.state == engine::TrainResult::State::Finished);
    const auto values = column(folder / "run", "val/" + toy.headline);
    REQUIRE(values.size() == 6);
    const double least = *std::min_element(values.begin(), values.end());
    CHECK(trained.summary["best"]["value"] == least);
    CHECK(trained.summary["best"]["better"] == "lower");
    CHECK(trained.summary["metrics"]["val/" + toy.headline].get<double>() == Approx(least).epsilon(1e-9));
    CHECK(trained.summary["figures"]["test/ema_" + toy.headline]["better"] == "lower");
    const auto losses = column(folder / "run", "train/loss");
    REQUIRE(losses.size() == 6);
    CHECK(std::isfinite(losses.back()));
  }
}

TEST_CASE("any task is looked at before it trains, also where sizes depend on numbers", "[tasks]") {
  const Quiet quiet;
  for (const Toy& toy : all_toys()) {
    INFO(toy.name);
    const auto check = engine::check_training(toy.tasks, toy.resolved());
    REQUIRE(check.plan);
    CHECK(check.plan->epochs == 6);
  }
}

TEST_CASE("each of two models has its own rate where the recipe says so", "[tasks]") {
  const Toy pair = all_toys()[1];
  const TempDir folder;
  const auto trained_weights = [&](const std::string& name, const std::string& groups) {
    pair.train(folder / name, pair.resolved({"train.epochs=1", "optimizer.groups=" + groups}));
    std::map<std::string, torch::Tensor> found;
    for (const auto& [key, tensor] :
         weights::read_safetensors(folder / name / "checkpoints/last/model.safetensors").tensors)
      found[key] = tensor.clone();
    return found;
  };
  const auto same = trained_weights("same", "[]");
  const auto still = trained_weights("still", "[{match: 'critic.*', lr_scale: 0}]");
  const auto drawn = pair.tasks.make(pair.resolved().recipe.task.kind, engine::TaskRequest{pair.resolved().recipe, {}});
  engine::draw_weights(drawn->models(), 3);
  for (const auto& [name, tensor] : engine::model_tensors(drawn->models())) {
    INFO(name);
    CHECK(torch::equal(still.at(name), tensor) == (name.rfind("critic.", 0) == 0));
    CHECK_FALSE(torch::equal(same.at(name), tensor));
  }
}

TEST_CASE("rankings put the lowest first where less is better", "[tasks]") {
  const Toy toy = all_toys().front();
  const TempDir folder;
  toy.train(folder / "run", toy.resolved());
  toy.train(folder / "worse", toy.resolved({"optimizer.lr=0.0001"}));
  const auto runs = engine::read_runs({folder.path()});
  const auto ranking = engine::rank(runs, {});
  CHECK(ranking.lower_is_better);
  CHECK(ranking.groups.front().finished.front()->summary.path == folder / "run");
}

TEST_CASE("a training of any task resumes to the same bits", "[tasks]") {
  for (const Toy& toy : all_toys()) {
    INFO(toy.name);
    const TempDir folder;
    toy.train(folder / "whole", toy.resolved());
    const auto stopped = toy.train(folder / "parts", toy.resolved({"train.max_time=0.001 s"}));
    CHECK(stopped.state == engine::TrainResult::State::Interrupted);
    toy.train(folder / "parts", toy.resolved({"train.max_time=null"}), Resume::Must);
    CHECK(last_file(folder / "whole", "model.safetensors") == last_file(folder / "parts", "model.safetensors"));
    CHECK(column(folder / "whole", "train/loss") == column(folder / "parts", "train/loss"));
  }
}

TEST_CASE("any task is evaluated to what its run recorded, and its outputs are kept", "[tasks]") {
  for (const Toy& toy : all_toys()) {
    INFO(toy.name);
    const TempDir folder;
    const Quiet quiet;
    const auto resolved = toy.resolved();
    const auto trained = toy.train(folder / "run", resolved);
    auto loaded = engine::load(toy.tasks, resolved, engine::choose_weights(folder / "run", ""));
    const auto result = engine::evaluate_loaded(loaded, resolved, {data::Split::Test, false, folder / "o.safetensors"});
    CHECK(result.evaluation.find(toy.headline)->value ==
          Approx(trained.summary["metrics"]["test/" + toy.headline].get<double>()).epsilon(1e-9));
    std::vector<std::string> names;
    for (const auto& item : weights::read_safetensors(folder / "o.safetensors").tensors) names.push_back(item.first);
    CHECK(names == toy.dumped);
  }
}

TEST_CASE("any task has a page, and averages of its checkpoints are scored", "[tasks]") {
  for (const Toy& toy : all_toys()) {
    INFO(toy.name);
    const TempDir folder;
    const Quiet quiet;
    const auto resolved = toy.resolved();
    toy.train(folder / "run", resolved);
    const auto evidence = engine::gather_evidence(toy.tasks, resolved, folder / "run", false);
    CHECK(evidence.missing.empty());
    const auto run = engine::read_runs({folder / "run"}).front();
    const std::string page = engine::run_page(run, evidence, "task: " + toy.name, nullptr);
    CHECK(markup_fault(page) == "");
    CHECK(page.find("val/" + toy.headline) != std::string::npos);

    engine::AverageRequest average;
    engine::Selection newest;
    newest.last = 3;
    average.inputs = engine::select_checkpoints(folder / "run", newest, false);
    engine::set_shares(average.inputs, {});
    average.evaluate = true;
    average.out = folder / "average.safetensors";
    average.resolved = resolved;
    const auto outcome = engine::average_to_file(toy.tasks, average);
    REQUIRE(outcome.scores.size() == 4);
    CHECK(outcome.scores.back().figures.front().name == toy.headline);
  }
}

TEST_CASE("files are predicted by what a task reads and says", "[tasks]") {
  const TempDir folder;
  const Quiet quiet;
  const std::vector<std::filesystem::path> files = {folder.write("a.txt", "0.25 0.5\n"), folder.write("b.txt", "x"),
                                                    folder.write("c.txt", "0 0")};
  const auto predictions = [&](const Toy& toy) {
    toy.train(folder / toy.name, toy.resolved({"train.epochs=1"}));
    auto loaded = engine::load(toy.tasks, toy.resolved(), engine::choose_weights(folder / toy.name, ""));
    return engine::predict_files(loaded, files, 1, [](std::int64_t) {});
  };
  const auto all = all_toys();
  const auto numbers = predictions(all[0]);
  REQUIRE(numbers.done.size() == 2);
  CHECK(numbers.done[0].answers.at("y").is_number());
  REQUIRE(numbers.failed.size() == 1);
  CHECK(numbers.failed[0].text() == files[1].string() + ": does not hold two numbers; write them as '0.1 0.2'");
  CHECK(predictions(all[1]).failed.size() == 3);
  const auto ragged = predictions(all[2]);
  REQUIRE(ragged.done.size() == 3);
  CHECK(ragged.done[0].answers.at("points") == 9);
  CHECK(ragged.done[1].answers.at("points") == 1);
}

namespace {

quant::QuantizeResult quantized(const Toy& toy, const TempDir& folder, std::optional<double> max_drop) {
  quant::QuantizeRequest request;
  request.resolved = toy.resolved();
  request.weights = engine::choose_weights(folder / "run", "");
  request.methods = {"ptq", "dynamic"};
  request.max_drop = max_drop;
  request.out = folder / "int8.safetensors";
  request.progress = false;
  return quant::quantize(toy.tasks, request);
}

}  // namespace

TEST_CASE("quantization keeps what loses least where less is better", "[tasks]") {
  const Toy toy = all_toys().front();
  const TempDir folder;
  const Quiet quiet;
  toy.train(folder / "run", toy.resolved({"train.epochs=20"}));
  const auto refused = quantized(toy, folder, -10);
  CHECK_FALSE(refused.met);
  CHECK_FALSE(std::filesystem::exists(folder / "int8.safetensors"));
  const auto result = quantized(toy, folder, 1);
  REQUIRE(result.rows.size() == 3);
  CHECK(result.met);
  CHECK(result.rows[0].headline.better == report::Better::Lower);
  const bool first = result.rows[1].headline.value <= result.rows[2].headline.value;
  CHECK(result.chosen == (first ? "ptq" : "dynamic"));
  CHECK_FALSE(result.rows[1].collapsed);
  CHECK(result.rows[1].int8_layers > 0);
}

TEST_CASE("a model from numbers to numbers is exported and measured", "[tasks]") {
  const Toy toy = all_toys().front();
  const TempDir folder;
  const Quiet quiet;
  toy.train(folder / "run", toy.resolved());
  const auto weights = engine::choose_weights(folder / "run", "");
  const auto subject = deploy::subject_of(toy.tasks, toy.resolved(), weights, deploy::kGoldenSamples);
  CHECK(subject.samples_from == "waves test");
  std::vector<std::string> formats = {"torchscript"};
#ifdef MLRUN_WITH_ONNX
  formats.push_back("onnx");
#endif
  for (const auto& format : formats) {
    INFO(format);
    const auto exported = deploy::export_subject(subject, {folder / ("model." + format), format});
    REQUIRE(exported.met);
    CHECK(exported.files.size() == 3);  // no classes.txt
    CHECK_FALSE(exported.parity.front().top1_agreement);
    const Json beside = Json::parse(read_file(folder / ("model." + format + ".preprocess.json")));
    CHECK(beside["input"] == Json{{"name", "input"}, {"dtype", "float32"}, {"shape", {nullptr, 2}}});
    CHECK(beside["output"] == Json{{"name", "output"}});
  }
  CHECK(user_error([&] {
          deploy::Subject other = subject;
          deploy::set_size(other, 8, 8);
        }) == "--size is for models that take images, and mlp takes none; leave it out");
  deploy::BenchRequest request;
  request.batches = {1, 4};
  request.threads = {1};
  request.memory_format = "contiguous";
  request.latency.seconds = 0.01;
  const auto rows = deploy::bench_inference(deploy::bench_subject(toy.tasks, toy.resolved(), weights, 0), request,
                                            [](const std::string&) {});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].params == 2 * 16 + 16 + 16 + 1);
  CHECK(rows[1].images_per_s > 0);
  const auto recipe_of = [&](std::int64_t) { return toy.resolved(); };
  CHECK(deploy::bench_training(toy.tasks, recipe_of, request, [](const std::string&) {}).front().batch == 16);
}

TEST_CASE("what several models or lists of tensors cannot do yet is said in one line", "[tasks]") {
  const TempDir folder;
  const Quiet quiet;
  const auto all = all_toys();
  const auto refusals = [&](const Toy& toy) {
    toy.train(folder / toy.name, toy.resolved({"train.epochs=1"}));
    const auto weights = engine::choose_weights(folder / toy.name, "");
    quant::QuantizeRequest request;
    request.resolved = toy.resolved();
    request.weights = weights;
    request.methods = {"ptq"};
    request.out = folder / "int8.safetensors";
    return std::vector<std::string>{user_error([&] { quant::quantize(toy.tasks, request); }),
                                    user_error([&] { deploy::subject_of(toy.tasks, toy.resolved(), weights, 8); }),
                                    user_error([&] { deploy::bench_subject(toy.tasks, toy.resolved(), weights, 0); })};
  };
  CHECK(refusals(all[1]) ==
        std::vector<std::string>{"a task with 2 models cannot be quantized; its parts have no form of their own",
                                 "a task with 2 models cannot be exported; its parts have no form of their own",
                                 "a task with 2 models cannot be measured; its parts have no form of their own"});
  const std::string more = "a model that takes or gives more than one tensor cannot be ";
  const std::string only = "; only models from one tensor to one can";
  CHECK(refusals(all[2]) ==
        std::vector<std::string>{more + "quantized" + only, more + "exported" + only, more + "measured" + only});
}
