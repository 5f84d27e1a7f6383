// Every command on tasks that classify nothing: what the engine assumes of a task shows here.

#include <algorithm>

#include "deploy/bench/bench.h"
#include "deploy/export_session.h"
#include "engine/apply/apply_session.h"
#include "engine/apply/predict_session.h"
#include "engine/average/session.h"
#include "engine/report/page.h"
#include "engine/run/model_state.h"
#include "engine/train/check.h"
#include "engine/train/training.h"
#include "quant/int8_file.h"
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
  std::string headline, loss;
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
           "loss",
           {"outputs", "targets", "index"}},
          {"pair",
           "model: two_layers\ndata: {format: synthetic, augment: none, preprocess: none}\n",
           mlrun::toys::pair_tasks(),
           mlrun::toys::pair_catalogue(),
           "gap",
           "generator_loss",
           {"outputs.number", "outputs.score", "targets", "index"}},
          {"ragged",
           "model: mover\ndata: {format: synthetic, augment: none, preprocess: none}\n",
           mlrun::toys::ragged_tasks(),
           mlrun::toys::ragged_catalogue(),
           "mae",
           "loss",
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
    const auto losses = column(folder / "run", "train/" + toy.loss);
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
    CHECK(column(folder / "whole", "train/" + toy.loss) == column(folder / "parts", "train/" + toy.loss));
  }
}

TEST_CASE("steps of at most so many points are resumed to the same bits", "[tasks]") {
  const Toy ragged = all_toys()[2];
  const std::vector<std::string> tokens = {"data.batching={name: tokens, most: 20}"};
  const TempDir folder;
  const auto trained = ragged.train(folder / "whole", ragged.resolved(tokens));
  const auto steps = trained.summary["steps"].get<std::int64_t>();
  CHECK(steps % 6 == 0);  // as many in each epoch
  CHECK(steps > 6 * 3);   // 48 samples in steps of 16 are 3
  for (const char* limit : {"0.001 s", "0.002 s"}) {
    auto stopped = tokens;
    stopped.push_back(std::string("train.max_time=") + limit);
    ragged.train(folder / "parts", ragged.resolved(stopped), Resume::Auto);
  }
  ragged.train(folder / "parts", ragged.resolved(tokens), Resume::Must);
  CHECK(last_file(folder / "whole", "model.safetensors") == last_file(folder / "parts", "model.safetensors"));
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
  engine::PredictRequest request;
  request.files = {{folder.write("a.txt", "0.25 0.5\n"), "a"},
                   {folder.write("b.txt", "x"), "in/b"},
                   {folder.write("c.txt", "0 0"), "c"}};
  const auto predicted = [&](const Toy& toy) {
    if (!std::filesystem::exists(folder / toy.name)) toy.train(folder / toy.name, toy.resolved({"train.epochs=1"}));
    auto loaded = engine::load(toy.tasks, toy.resolved(), engine::choose_weights(folder / toy.name, ""));
    return engine::predict_files(loaded, request);
  };
  const auto all = all_toys();
  const auto numbers = predicted(all[0]);
  REQUIRE(numbers.done.size() == 2);
  CHECK(numbers.done[0].answer.json.at("y").is_number());
  CHECK(numbers.done[0].answer.records.rows() == 1);
  REQUIRE(numbers.failed.size() == 1);
  CHECK(numbers.failed[0].text() ==
        request.files[1].file.string() + ": does not hold two numbers; write them as '0.1 0.2'");
  CHECK(predicted(all[1]).failed.size() == 3);
  const auto ragged = predicted(all[2]);
  REQUIRE(ragged.done.size() == 3);
  CHECK(ragged.done[0].answer.json.at("points") == 9);
  CHECK(ragged.done[1].answer.json.at("points") == 1);

  request.options.topk = 3;
  CHECK(user_error([&] { predicted(all[0]); }) == "--topk: the answers of this task are not ranked; leave it out");
  request.options.topk.reset();
  request.out = folder / "answers";
  CHECK(user_error([&] { predicted(all[0]); }) ==
        "--output: this task answers by no files; leave it out, and take --csv or --json");
  const auto written = predicted(all[2]);
  REQUIRE(written.done.size() == 3);
  CHECK(written.done[1].written == std::vector<std::filesystem::path>{folder / "answers/in/b_moved.csv"});
  CHECK(read_file(folder / "answers/a_moved.csv") == written.done[0].answer.records.csv());
  CHECK(user_error([&] { predicted(all[2]); }) ==
        (folder / "answers").string() + ": is there already, and not empty; name another folder, or add --force");
  request.force = true;
  CHECK(predicted(all[2]).done.size() == 3);
  request.files[1].name = "a";
  CHECK(user_error([&] { predicted(all[2]); }) ==
        request.files[0].file.string() + " and " + request.files[1].file.string() +
            ": their answers would have the same names; predict them into folders of their own");
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
          deploy::ExportSubject other = subject;
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

namespace {

std::vector<deploy::BenchRow> measured(const Toy& toy, const engine::WeightChoice& weights, const std::string& submodel,
                                       const std::vector<std::string>& engines = {"eager"}) {
  deploy::BenchRequest request;
  request.batches = {1, 3};
  request.threads = {1};
  request.engines = engines;
  request.layers = engines.size() == 1;
  request.latency.seconds = 0.01;
  return deploy::bench_inference(deploy::bench_subject(toy.tasks, toy.resolved(), weights, 0, submodel), request,
                                 [](const std::string&) {});
}

}  // namespace

TEST_CASE("of several models each is exported and measured by its name", "[tasks]") {
  const Toy pair = all_toys()[1];
  const TempDir folder;
  const Quiet quiet;
  pair.train(folder / "run", pair.resolved({"train.epochs=1"}));
  const auto weights = engine::choose_weights(folder / "run", "");
  const auto subject = [&](const std::string& name) {
    return deploy::subject_of(pair.tasks, pair.resolved(), weights, deploy::kGoldenSamples, name);
  };
  CHECK(user_error([&] { subject(""); }) == "this task has 2 models; name one: --submodel generator or critic");
  CHECK(user_error([&] { subject("critics"); }) ==
        "--submodel: this task has no model 'critics'; did you mean critic?");
  CHECK(user_error([&] { measured(pair, weights, ""); }) ==
        "this task has 2 models; name one: --submodel generator or critic");
  const std::map<std::string, std::int64_t> sizes = {{"generator", 2}, {"critic", 1}};
  for (const auto& [name, size] : sizes) {
    INFO(name);
    const auto one = subject(name);
    CHECK(one.name == name);
    CHECK(one.samples.front().sizes() == torch::IntArrayRef({deploy::kGoldenSamples, size}));
    CHECK(deploy::export_subject(one, {folder / (name + ".torchscript"), "torchscript"}).met);
    const auto rows = measured(pair, weights, name);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].model == name);
    CHECK(rows[0].params == 16 * size + 16 + 16 + 1);
    CHECK(rows[0].macs == 16 * size + 16);
  }
}

TEST_CASE("a model of lists is exported and measured", "[tasks]") {
  const Toy ragged = all_toys()[2];
  const TempDir folder;
  const Quiet quiet;
  ragged.train(folder / "run", ragged.resolved({"train.epochs=1"}));
  const auto weights = engine::choose_weights(folder / "run", "");
  const auto subject = deploy::subject_of(ragged.tasks, ragged.resolved(), weights, deploy::kGoldenSamples);
  REQUIRE(subject.samples.size() == 2);
  const auto exported = deploy::export_subject(subject, {folder / "model.torchscript", "torchscript"});
  REQUIRE(exported.met);
  CHECK(exported.parity.front().samples == deploy::kGoldenSamples);
  const Json beside = Json::parse(read_file(folder / "model.torchscript.preprocess.json"));
  CHECK(beside["inputs"] == Json{{{"name", "points"}, {"dtype", "float32"}, {"shape", {nullptr, 2}}},
                                 {{"name", "points_counts"}, {"dtype", "int64"}, {"shape", {nullptr}}}});
  CHECK(beside["outputs"] == Json{{{"name", "moved"}}, {{"name", "moved_counts"}}, {{"name", "sum"}}});
  std::vector<std::string> golden;
  for (const auto& item : weights::read_safetensors(folder / "model.torchscript.golden.safetensors").tensors) {
    golden.push_back(item.first);
  }
  CHECK(golden == std::vector<std::string>{"points", "points_counts", "moved", "moved_counts", "sum"});
#ifdef MLRUN_WITH_ONNX
  CHECK(user_error([&] {
          deploy::export_subject(subject, {folder / "m.onnx", "onnx"});
        }).find("has no mapping") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "m.onnx"));
#endif
  const auto rows = measured(ragged, weights, "", {"eager", "torchscript"});
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].params == 2 * 2 + 2 + 2 + 1);
  CHECK(user_error([&] { measured(ragged, weights, "", {"graph"}); }) ==
        "this model cannot run as a graph: a graph computes in float32 on the CPU; use --engine eager");
}

TEST_CASE("several models, and those of lists, become int8 files that say the same anywhere", "[tasks]") {
  for (const Toy& toy : {all_toys()[1], all_toys()[2]}) {
    INFO(toy.name);
    const TempDir folder;
    const Quiet quiet;
    toy.train(folder / "run", toy.resolved({"train.epochs=2"}));
    const auto result = quantized(toy, folder, std::nullopt);
    REQUIRE(result.rows.size() == 3);
    CHECK(result.rows[1].int8_layers == (toy.name == "pair" ? 4 : 2));
    CHECK(result.rows[1].noise.size() >= 2);
    CHECK(result.rows[1].noise.front().db <= result.rows[1].noise.back().db);
    const std::filesystem::path file = folder / "int8.safetensors";
    engine::WeightChoice choice{"int8", file, [&file](const engine::Models& models, const engine::Context&) {
                                  quant::install_int8(file, models);
                                }};
    auto loaded = engine::load(toy.tasks, toy.resolved(), choice);
    const auto again = engine::evaluate_loaded(loaded, toy.resolved(), {std::nullopt, false, {}});
    const auto& chosen = result.chosen == "ptq" ? result.rows[1] : result.rows[2];
    CHECK(again.evaluation.find(toy.headline)->value == chosen.headline.value);
  }
}

TEST_CASE("int8 weights of one model are not taken for those of several", "[tasks]") {
  const auto all = all_toys();
  const TempDir folder, other;
  const Quiet quiet;
  const auto file_of = [&](const Toy& toy, const TempDir& place) {
    toy.train(place / "run", toy.resolved({"train.epochs=1"}));
    quantized(toy, place, std::nullopt);
    return place / "int8.safetensors";
  };
  const auto installed = [](const Toy& toy, const std::filesystem::path& file) {
    const auto task = toy.tasks.make(toy.resolved().recipe.task.kind, engine::TaskRequest{toy.resolved().recipe, {}});
    return user_error([&] { quant::install_int8(file, task->models()); });
  };
  const auto one = file_of(all[0], folder), two = file_of(all[1], other);
  CHECK(installed(all[1], one) == one.string() +
                                      ": holds int8 weights of one model, and this task has several; name weights of "
                                      "this task");
  CHECK(installed(all[0], two) == two.string() +
                                      ": holds int8 weights of several models, and this task has one; name weights of "
                                      "this task");
}
