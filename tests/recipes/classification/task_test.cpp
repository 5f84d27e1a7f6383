#include <torch/types.h>
#include <torch/utils.h>

#include "engine/ports.h"
#include "engine/train/training.h"
#include "recipes/classification/losses.h"
#include "recipes/classification/mixing.h"
#include "weights/safetensors.h"

using namespace mlrun;
using namespace mlrun::test;

namespace {

std::unique_ptr<engine::Task> make_task(const config::Resolved& resolved, std::optional<data::DataInfo> known = {}) {
  return recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, std::move(known)});
}

/// Runs the model as it is and notes what the task asks for.
class Witness : public engine::Step {
 public:
  explicit Witness(const engine::Task& task) : task_(task) {}
  data::Fields run(const std::string& model, const data::Fields& inputs) override {
    CHECK(model == "model");
    return engine::run_model(*task_.models().front().second, inputs);
  }
  void minimise(const std::string& model, const torch::Tensor& loss, double units) override {
    CHECK(model == "model");
    minimised = loss;
    minimised_units = units;
  }
  void log(const report::Figure& figure, double units) override { logged[figure.name] = {figure.value, units}; }

  torch::Tensor minimised;
  double minimised_units = 0;
  std::map<std::string, std::pair<double, double>> logged;

 private:
  const engine::Task& task_;
};

std::vector<data::Sample> samples_of(engine::Task& task, data::Split split, std::int64_t count) {
  const auto source = task.source(split);
  std::vector<data::Sample> samples;
  for (std::int64_t i = 0; i < count; ++i) samples.push_back(source->get({i, 0, 0}));
  return samples;
}

}  // namespace

TEST_CASE("the catalogue knows every kind of component that recipes name", "[recipes]") {
  for (const char* kind : {"task", "model", "source", "transform", "optimizer", "schedule", "loss", "metric"}) {
    INFO(kind);
    REQUIRE(recipes::catalogue().has(kind));
    CHECK_FALSE(recipes::catalogue().at(kind).entries().empty());
  }
  for (const auto* registry : recipes::catalogue().all()) {
    for (const auto& entry : registry->entries()) {
      INFO(registry->kind() << " " << entry.name);
      CHECK_FALSE(entry.description.empty());
    }
  }
}

TEST_CASE("cross entropy is the mean negative log-likelihood, smoothed where asked for", "[recipes]") {
  const auto& losses = classification::losses();
  const torch::Tensor logits = torch::tensor({{2.0, 0.0, -1.0}, {0.5, 0.5, 0.5}});
  const torch::Tensor labels = torch::tensor({0, 2});
  const torch::Tensor logs = logits.log_softmax(1);
  const double plain = -(logs[0][0] + logs[1][2]).item<double>() / 2;
  CHECK((*losses.make(losses.defaults("cross_entropy")))(logits, labels).item<double>() == Approx(plain));

  const auto resolved = resolve_text(tiny_text(), {"task={name: classification, loss: {name: cross_entropy, "
                                                   "label_smoothing: 0.1}}"});
  const auto task = make_task(resolved);
  nn::initialise(*task->models().front().second, 1);
  task->models().front().second->eval();
  auto batch = task->collate(samples_of(*task, data::Split::Val, 6));
  Witness witness(*task);
  task->train(witness, batch);
  const torch::Tensor shares = task->predict(batch).tensor("logits").log_softmax(1);
  const torch::Tensor own = shares.gather(1, batch.targets.tensor("label").unsqueeze(1)).mean();
  CHECK(witness.minimised.item<double>() == Approx(-(0.9 * own + 0.1 * shares.mean()).item<double>()).epsilon(1e-5));
}

TEST_CASE("training minimises the loss and logs it with the accuracy", "[recipes]") {
  const auto task = make_task(tiny({"model.dropout=0"}));
  nn::initialise(*task->models().front().second, 1);
  task->models().front().second->eval();
  const auto batch = task->collate(samples_of(*task, data::Split::Train, 10));
  Witness witness(*task);
  task->train(witness, batch);
  CHECK(witness.minimised.requires_grad());
  CHECK(witness.minimised.dim() == 0);
  CHECK(witness.logged.at("loss").first == Approx(witness.minimised.item<double>()));
  CHECK(witness.logged.at("loss").second == 10);
  CHECK(witness.minimised_units == 10);
  const auto correct = task->predict(batch).tensor("logits").argmax(1).eq(batch.targets.tensor("label"));
  CHECK(witness.logged.at("acc1").first == Approx(correct.to(torch::kDouble).mean().item<double>() * 100));
}

TEST_CASE("class weights count over the whole step, whatever its micro-batches are", "[recipes]") {
  const TempDir folder;
  const auto weights_after = [&](const std::string& name, const std::string& weights, int accumulate) {
    const std::string loss = "task={name: classification, loss: {name: cross_entropy, " + weights + "}}";
    train_in(folder / name, tiny({loss, "train.accumulate=" + std::to_string(accumulate), "train.epochs=1",
                                  "model.dropout=0", "model.freeze=[\"stage*\"]"}));
    return weights::read_safetensors(folder / name / "checkpoints/last/model.safetensors").tensors;
  };
  const auto difference = [](const weights::NamedTensors& a, const weights::NamedTensors& b) {
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!a[i].second.is_floating_point()) continue;
      most = std::max(most, (a[i].second - b[i].second).abs().max().item<double>());
    }
    return most;
  };
  // In the second, micro-batches of two often hold nothing that counts.
  const std::string weighted =
      GENERATE("class_weights: [0.1, 5, 0.5, 1], label_smoothing: 0.1", "class_weights: [0.1, 5, 0, 1]");
  const auto whole = weights_after("whole", weighted, 1);
  CHECK(difference(whole, weights_after("two", weighted, 2)) < 1e-6);
  CHECK(difference(whole, weights_after("eight", weighted, 8)) < 1e-6);
  CHECK(difference(whole, weights_after("even", "class_weights: []", 1)) > 1e-4);
  const auto loss_of = [&](const std::string& name) {
    return json_lines(folder / name / "metrics.jsonl").back().at("train/loss").get<double>();
  };
  CHECK(loss_of("eight") == Approx(loss_of("whole")).epsilon(1e-5));
}

TEST_CASE("a recipe whose numbers of classes differ from the data's is refused before anything is trained",
          "[recipes]") {
  const TempDir folder;
  int trained = 0;
  const auto tasks = watched_tasks([&](engine::Task&, const data::Batch&) { ++trained; });
  for (const int outputs : {2, 10}) {
    CHECK(user_error([&] {
            train_in(folder / "run", tiny_watched({"model.num_classes=" + std::to_string(outputs)}),
                     engine::Resume::Never, tasks);
          }) == "model.num_classes: is " + std::to_string(outputs) +
                    " where the data have 4 classes; leave it out: the model gets as many outputs as the data have "
                    "classes");
  }
  CHECK(user_error([&] {
          train_in(folder / "run", tiny({"task={name: classification, loss: {name: cross_entropy, class_weights: [1, "
                                         "2, 3, 4, 5]}}"}));
        }) == "task.loss.class_weights: has 5 values where the model has 4 classes; give one for each class");
  CHECK(trained == 0);
  CHECK_NOTHROW(make_task(tiny({"model.num_classes=4"})));
}

TEST_CASE("auxiliary classifiers add their weighted losses", "[recipes]") {
  const auto resolved = resolve_text(
      tiny_text(), {"model={name: googlenet, dropout: 0, dropout_aux: 0, init_weights: false}", "data.height=32",
                    "data.width=32", "data.augment=[]", "task={name: classification, aux_weight: 0.5}"});
  const auto task = make_task(resolved);
  nn::Layer& model = *task->models().front().second;
  nn::initialise(model, 1);
  const auto batch = task->collate(samples_of(*task, data::Split::Train, 8));
  Witness witness(*task);
  task->train(witness, batch);
  const auto labels = batch.targets.tensor("label");
  const auto outputs = model.run({batch.inputs.tensor("image")});
  REQUIRE(outputs.size() == 3);
  std::vector<double> losses;
  for (const auto& logits : outputs) {
    losses.push_back(torch::cross_entropy_loss(logits, labels).item<double>());
  }
  CHECK(witness.minimised.item<double>() == Approx(losses[0] + 0.5 * losses[1] + 0.5 * losses[2]).epsilon(1e-5));
  CHECK(witness.logged.at("loss").first == Approx(witness.minimised.item<double>()));
  const auto correct = outputs.front().argmax(1).eq(labels);
  CHECK(witness.logged.at("acc1").first == Approx(correct.to(torch::kDouble).mean().item<double>() * 100));
  model.eval();
  CHECK(task->predict(batch).tensor("logits").sizes() == torch::IntArrayRef({8, 4}));
}

TEST_CASE("blended images are learnt with blended labels and counted by the larger share", "[recipes]") {
  const std::string loss = GENERATE("cross_entropy", "bce");
  const auto resolved = resolve_text(tiny_text(), {"model.dropout=0",
                                                   "task={name: classification, mixup_alpha: 0.5, "
                                                   "cutmix_alpha: 1, loss: {name: " +
                                                       loss + ", label_smoothing: 0.1}}"});
  const auto task = make_task(resolved);
  nn::Layer& model = *task->models().front().second;
  nn::initialise(model, 1);
  model.eval();
  const auto batch = task->collate(samples_of(*task, data::Split::Train, 10));
  Witness witness(*task);
  torch::manual_seed(11);
  task->train(witness, batch);
  torch::manual_seed(11);
  const auto mixed = classification::Mixing(0.5, 1)(batch.inputs.tensor("image"), batch.targets.tensor("label"));
  REQUIRE_FALSE(torch::equal(mixed.images, batch.inputs.tensor("image")));
  const torch::Tensor logits = model.run({mixed.images}).front(), shares = mixed.targets(4, torch::kFloat);
  const torch::Tensor smooth = shares * 0.9 + 0.1 / 4;
  const torch::Tensor expected = loss == "bce" ? torch::binary_cross_entropy_with_logits(logits, smooth)
                                               : -(logits.log_softmax(1) * smooth).sum(1).mean();
  CHECK(witness.minimised.item<double>() == Approx(expected.item<double>()).epsilon(1e-5));
  const auto correct = logits.argmax(1).eq(shares.argmax(1));
  CHECK(witness.logged.at("acc1").first == Approx(correct.to(torch::kDouble).mean().item<double>() * 100));
}

TEST_CASE("a training that blends images is the same after a resume", "[recipes]") {
  const TempDir folder;
  const std::vector<std::string> both{"task={name: classification, mixup_alpha: 0.2, cutmix_alpha: 1}"};
  train_in(folder / "whole", tiny(both));
  auto stopped = both;
  stopped.push_back("train.max_time=0.001 s");
  CHECK(train_in(folder / "parts", tiny(stopped)).state == engine::TrainResult::State::Interrupted);
  train_in(folder / "parts", tiny(both), engine::Resume::Must);
  CHECK(last_file(folder / "parts", "model.safetensors") == last_file(folder / "whole", "model.safetensors"));
}

TEST_CASE("samples become a batch in their order", "[recipes]") {
  const auto task = make_task(tiny());
  const auto batch = task->collate(samples_of(*task, data::Split::Test, 5));
  CHECK(batch.size() == 5);
  CHECK(batch.ids == std::vector<std::string>{"0", "1", "2", "3", "4"});
  CHECK(batch.indices == std::vector<std::int64_t>{0, 1, 2, 3, 4});
  CHECK(batch.inputs.tensor("image").sizes() == torch::IntArrayRef({5, 1, 8, 8}));
  CHECK(batch.inputs.tensor("image").scalar_type() == torch::kFloat);
  CHECK(batch.targets.tensor("label").equal(torch::tensor({0, 1, 2, 3, 0})));
}

TEST_CASE("images of different sizes are refused, both samples named", "[recipes]") {
  const auto task = make_task(tiny());
  auto samples = samples_of(*task, data::Split::Test, 2);
  samples[0].id = "cats/a.png";
  samples[1].id = "dogs/b.png";
  samples[1].inputs.set("image", torch::zeros({1, 9, 7}));
  CHECK(user_error([&] { task->collate(samples); }) ==
        "sample dogs/b.png is 9x7 where cats/a.png is 8x8; bring all images to one size: add resize or "
        "random_resized_crop to data.augment and data.preprocess");
}

TEST_CASE("training samples are augmented anew in each epoch, evaluation samples never", "[recipes]") {
  const auto task = make_task(tiny());
  const auto train = task->source(data::Split::Train), test = task->source(data::Split::Test);
  const auto image = [](const data::Source& source, std::int64_t index, std::int64_t epoch, std::uint64_t seed) {
    return source.get({index, epoch, seed}).inputs.tensor("image");
  };
  int changed = 0;
  for (std::int64_t i = 0; i < 8; ++i) {
    if (!image(*train, i, 0, 3).equal(image(*train, i, 1, 3))) ++changed;
    CHECK(image(*train, i, 1, 3).equal(image(*train, i, 1, 3)));
    CHECK(image(*test, i, 0, 3).equal(image(*test, i, 1, 4)));
  }
  CHECK(changed >= 4);
}

TEST_CASE("answers are the likeliest classes by name", "[recipes]") {
  const auto task = make_task(tiny());
  data::Fields prediction;
  prediction.set("logits", torch::tensor({{0.0, 0.0, 0.0, 0.0}, {1.0, 3.0, 2.0, 0.0}}));
  const auto three = task->answer({}, prediction, 1, {3});
  const Json& answers = three.json;
  CHECK(three.records.rows() == 3);
  CHECK(three.table.text().rfind("class", 0) == 0);
  REQUIRE(answers.size() == 3);
  CHECK(answers[0]["class"] == "1");
  CHECK(answers[1]["index"] == 2);
  CHECK(answers[0]["probability"].get<double>() ==
        Approx(std::exp(3.0) / (1 + std::exp(1.0) + std::exp(2.0) + std::exp(3.0))));
  const Json all = task->answer({}, prediction, 0, {99}).json;
  CHECK(task->answer({}, prediction, 0, {}).json == all);
  REQUIRE(all.size() == 4);
  for (int i = 0; i < 4; ++i) CHECK(all[i]["index"] == i);  // equal ones in class order
}

TEST_CASE("the task says what its weights need", "[recipes]") {
  const auto task = make_task(tiny());
  CHECK(task->headline() == "acc1");
  CHECK(task->preprocessing() == Json{{"channels", 1}, {"input_channels", 1}, {"mean", {0.5}}, {"std", {0.2}}});
  CHECK(task->metrics(data::Split::Val).size() == 6);
  CHECK(task->source(data::Split::Val)->size() == 12);
  CHECK(make_task(tiny({"data.val_samples=0"}))->source(data::Split::Val) == nullptr);
}

TEST_CASE("a recipe may name more figures, and choose its best weights by them", "[recipes]") {
  const TempDir folder;
  const auto trained =
      train_in(folder / "run",
               tiny({"task={name: classification, figures: [acc2, f1_macro, acc1]}", "train.select=val/f1_macro"}));
  const Json& metrics = trained.summary.at("metrics");
  CHECK(metrics.at("val/acc2").get<double>() >= metrics.at("val/acc1").get<double>());
  CHECK(trained.summary.at("best").at("metric") == "val/f1_macro");
  CHECK(trained.summary.at("best").at("value") == metrics.at("val/f1_macro"));
  CHECK(user_error([] {
          make_task(tiny({"task={name: classification, figures: [acc9]}"}));
        }).find("'acc9' looks at more answers than there are classes") != std::string::npos);
}

TEST_CASE("a model is built for known data without opening any", "[recipes]") {
  const data::DataInfo known{"elsewhere", "f00d", {"a", "b", "c"}, 3};
  const auto task = make_task(tiny(), known);
  CHECK(task->data().name == "elsewhere");
  task->models().front().second->eval();
  CHECK((*task->models().front().second)(torch::zeros({2, 3, 8, 8})).sizes() == torch::IntArrayRef({2, 3}));
  CHECK(user_error([&] { task->source(data::Split::Test); }).find("has other classes") != std::string::npos);
}
