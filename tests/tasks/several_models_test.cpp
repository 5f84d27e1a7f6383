// Two models with methods, rates and schedules of their own, in phases of a step.

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "engine/report/page.h"
#include "engine/run/checkpoint.h"
#include "engine/run/model_state.h"
#include "engine/train/check.h"
#include "engine/train/hands.h"
#include "engine/train/model_rates.h"
#include "engine/train/rate_curve.h"
#include "engine/train/training.h"
#include "tasks/pair.h"

using namespace mlrun;
using namespace mlrun::test;
using engine::Resume;
using engine::TrainResult;

namespace {

/// The critic by SGD at its own rate and schedule, the generator by Adam.
config::Resolved pair(const std::vector<std::string>& overrides = {}) {
  return resolve_text(R"(task: pair
model: two_layers
data: {format: synthetic, augment: none, preprocess: none}
train: {epochs: 3, batch_size: 16, seed: 3, workers: 0, threads: 1, device: cpu, log_steps: 1, clip_grad_norm: 0.3}
optimizer: {name: adam, lr: 0.01, betas: [0.5, 0.9], models: {critic: {name: sgd, lr: 0.1, momentum: 0.9}}}
schedule: {name: cosine, interval: step, models: {critic: constant}}
)",
                      overrides, toys::pair_catalogue());
}

TrainResult train_pair(const std::filesystem::path& run, const config::Resolved& resolved,
                       Resume resume = Resume::Never) {
  return train_in(run, resolved, resume, toys::pair_tasks());
}

std::vector<torch::Tensor> weights_of(nn::Layer& model) {
  std::vector<torch::Tensor> weights;
  for (const auto& parameter : model.parameters()) weights.push_back(parameter.detach().clone());
  return weights;
}

/// A pair in float64 and a batch for it.
struct Doubles {
  explicit Doubles(const std::vector<std::string>& overrides = {}) : resolved(pair(overrides)) {
    task = toys::pair_tasks().make(resolved.recipe.task.kind, {resolved.recipe, {}});
    engine::draw_weights(task->models(), 3);
    for (const auto& model : task->models()) model.second->to(torch::kDouble);
    const optim::ParameterGroups groups(task->models(), resolved.recipe.optimizer);
    optimizers = engine::make_optimizers(task->models(), resolved.recipe, groups);
    hands = std::make_unique<engine::Hands>(task->models(), optimizers, optim::Clipping::of(resolved.recipe.train));
    torch::manual_seed(5);
    noise = torch::rand({8, 2}, torch::kDouble) * 2 - 1;
    real = torch::rand({8, 1}, torch::kDouble) + 2.5;
  }

  data::Batch rows(std::int64_t begin, std::int64_t count) const {
    data::Batch batch;
    batch.ids.assign(static_cast<std::size_t>(count), "x");
    batch.inputs = {{"noise", noise.narrow(0, begin, count)}};
    batch.targets = {{"real", real.narrow(0, begin, count)}};
    return batch;
  }

  /// One step of all phases, in micro-batches of these sizes.
  void step(const std::vector<std::int64_t>& parts) {
    const engine::ModelRates rates(optimizers, resolved.recipe, {4, 12});
    for (const auto& model : task->models()) hands->set_rate(model.first, rates.at(model.first, 0));
    const auto phases = task->phases();
    for (std::size_t phase = 0; phase < phases.size(); ++phase) {
      hands->enter(phase, phases[phase]);
      std::int64_t at = 0;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        hands->begin(parts[i], 8, static_cast<std::int64_t>(i), i + 1 == parts.size());
        task->train(*hands, rows(at, parts[i]));
        at += parts[i];
      }
      hands->end_phase();
    }
  }

  config::Resolved resolved;
  std::unique_ptr<engine::Task> task;
  engine::Optimizers optimizers;
  std::unique_ptr<engine::Hands> hands;
  torch::Tensor noise, real;
};

/// What the pair's step is, written out: the models and their losses as formulas, clipping and both methods by hand.
struct Written {
  using Weights = std::vector<torch::Tensor>;

  static torch::Tensor run(const Weights& w, const torch::Tensor& x) {
    return torch::tanh(x.matmul(w[0].t()) + w[1]).matmul(w[2].t()) + w[3];
  }
  static torch::Tensor loss_of(const torch::Tensor& scores, bool real) {
    return torch::log1p(torch::exp(real ? -scores : scores)).mean();
  }
  /// Gradients of `loss` of weights that need them, clipped together to a norm of 0.3.
  template <class Loss>
  static Weights gradients(const Weights& weights, Loss loss) {
    Weights leaves, found;
    for (const auto& weight : weights) leaves.push_back(weight.clone().requires_grad_());
    loss(leaves).backward();
    double square = 0;
    for (const auto& leaf : leaves) square += leaf.grad().square().sum().template item<double>();
    const double factor = std::min(1.0, 0.3 / (std::sqrt(square) + 1e-6));
    for (const auto& leaf : leaves) found.push_back(leaf.grad() * factor);
    return found;
  }
  Weights critic, generator;
  torch::Tensor noise, real;

  void step() {
    Weights momentum;
    for (int update = 0; update < 2; ++update) {
      const auto fake = run(generator, noise);
      const auto g = gradients(
          critic, [&](const Weights& w) { return loss_of(run(w, real), true) + loss_of(run(w, fake), false); });
      for (std::size_t i = 0; i < g.size(); ++i) {
        if (update == 0) momentum.push_back(g[i]);
        else momentum[i] = 0.9 * momentum[i] + g[i];
        critic[i] = critic[i] - 0.1 * momentum[i];
      }
    }
    const auto g = gradients(generator, [&](const Weights& w) { return loss_of(run(critic, run(w, noise)), true); });
    for (std::size_t i = 0; i < g.size(); ++i) {  // Adam's first step: both moments are corrected to g and its square
      generator[i] = generator[i] - 0.01 * g[i] / (g[i].abs() + 1e-8);
    }
  }
};

}  // namespace

TEST_CASE("a step of two methods and three phases is the one that is written out", "[tasks]") {
  Doubles pair;
  Written written{weights_of(*pair.task->models()[1].second), weights_of(*pair.task->models()[0].second), pair.noise,
                  pair.real};
  const auto before = weights_of(*pair.task->models()[0].second);
  pair.step({8});
  written.step();
  const auto generator = weights_of(*pair.task->models()[0].second),
             critic = weights_of(*pair.task->models()[1].second);
  for (std::size_t i = 0; i < 4; ++i) {
    INFO("tensor " << i);
    CHECK((generator[i] - written.generator[i]).abs().max().item<double>() < 1e-12);
    CHECK((critic[i] - written.critic[i]).abs().max().item<double>() < 1e-12);
    CHECK((generator[i] - before[i]).abs().max().item<double>() > 1e-3);
  }
  const auto losses = pair.hands->losses();
  REQUIRE(losses.size() == 2);
  CHECK(losses[0].first == "critic");
  const auto figures = pair.hands->figures().means();
  CHECK(losses[0].second == Approx(figures[0].value).epsilon(1e-12));  // the mean of its two updates
  CHECK(losses[1].second == Approx(figures[1].value).epsilon(1e-12));
}

TEST_CASE("each phase accumulates and clips its own gradient", "[tasks]") {
  Doubles whole, parts;
  whole.step({8});
  parts.step({3, 3, 2});
  for (const std::size_t model : {0, 1}) {
    const auto a = weights_of(*whole.task->models()[model].second), b = weights_of(*parts.task->models()[model].second);
    for (std::size_t i = 0; i < 4; ++i) CHECK((a[i] - b[i]).abs().max().item<double>() < 1e-12);
  }
  CHECK(parts.hands->grad_norm() == Approx(whole.hands->grad_norm()).epsilon(1e-9));
  CHECK(parts.hands->loss() == Approx(whole.hands->loss()).epsilon(1e-12));
}

TEST_CASE("two losses of one model in one phase are refused", "[tasks]") {
  Doubles pair;
  pair.hands->begin(8, 8, 0, true);
  const auto loss = [&] { return pair.hands->run("critic", {{"input", pair.real}}).tensor("output").mean(); };
  pair.hands->minimise("critic", loss(), 8);
  CHECK_THROWS_WITH(
      pair.hands->minimise("critic", loss(), 8),
      Catch::Matchers::ContainsSubstring("the task minimises two losses of the model 'critic' in one phase"));
  pair.hands->enter(1, "again");
  pair.hands->begin(8, 8, 0, true);
  CHECK_NOTHROW(pair.hands->minimise("critic", loss(), 8));
}

TEST_CASE("an overflow of one model's scaled loss leaves the other's update whole", "[tasks]") {
  Doubles pair;
  optim::GradScaler of_critic, of_generator;
  pair.hands->scale_with("critic", &of_critic);
  pair.hands->scale_with("generator", &of_generator);
  const auto critic = weights_of(*pair.task->models()[1].second);
  const auto generator = weights_of(*pair.task->models()[0].second);
  pair.hands->begin(8, 8, 0, true);
  pair.hands->set_rate("generator", 0.1);
  const auto minimise = [&](const char* model, const torch::Tensor& input, double factor) {
    pair.hands->minimise(model, pair.hands->run(model, {{"input", input}}).tensor("output").mean() * factor, 8);
  };
  minimise("critic", pair.real, 1e305);
  minimise("generator", pair.noise, 1);
  pair.hands->end_phase();
  CHECK(pair.hands->skipped());
  CHECK(pair.hands->sound());
  CHECK(weights_of(*pair.task->models()[1].second)[0].equal(critic[0]));
  CHECK_FALSE(weights_of(*pair.task->models()[0].second)[0].equal(generator[0]));
  CHECK(of_critic.scale() == 32768);
  CHECK(of_critic.skipped() == 1);
  CHECK(of_generator.scale() == 65536);
  CHECK(of_generator.skipped() == 0);
}

TEST_CASE("models with methods, rates and phases of their own resume to the same bits", "[tasks]") {
  for (const char* more : {"train.accumulate=1", "train.accumulate=2"}) {
    INFO(more);
    const TempDir folder;
    train_pair(folder / "whole", pair({more}));
    TrainResult result = train_pair(folder / "parts", pair({more, "train.max_time=0.000001 s"}), Resume::Auto);
    int commands = 1;
    while (result.state == TrainResult::State::Interrupted && ++commands < 60) {
      result = train_pair(folder / "parts", pair({more, "train.max_time=0.000001 s"}), Resume::Must);
    }
    CHECK(commands >= 12);
    CHECK(last_file(folder / "whole", "state.safetensors") == last_file(folder / "parts", "state.safetensors"));
    const auto whole = engine::read_checkpoint(folder / "whole/checkpoints/last"),
               parts = engine::read_checkpoint(folder / "parts/checkpoints/last");
    for (std::size_t i = 0; i < whole.weights.size(); ++i)
      CHECK(whole.weights[i].second.equal(parts.weights[i].second));
  }
}

TEST_CASE("rates and losses are told of each model", "[tasks]") {
  const TempDir folder;
  train_pair(folder / "run", pair());
  const auto rows = json_lines(folder / "run/metrics.jsonl");
  CHECK(rows[0]["step/lr/generator"] == 0.01);
  CHECK(rows[0]["step/lr/critic"] == 0.1);
  CHECK(rows[0]["step/loss/critic"].is_number());
  CHECK_FALSE(rows[0].contains("step/lr"));
  CHECK(rows.back()["lr/critic"] == 0.1);
  CHECK(rows.back()["lr/generator"].get<double>() == Approx(0.01 * (1 + std::cos(M_PI * 11 / 12)) / 2));
  CHECK_FALSE(rows.back().contains("lr"));
  CHECK(read_file(folder / "run/train.log").find("  lr critic 0.1, generator 0.0001") != std::string::npos);
  const auto curve = engine::rate_curve(toys::pair_tasks(), pair().recipe, std::nullopt);
  CHECK(curve.by_model.at("critic") == std::vector<double>(12, 0.1));
  CHECK(curve.by_model.at("others").front() == 0.01);
  const auto run = engine::read_runs({folder / "run"}).front();
  const Quiet quiet;
  const std::string page = engine::run_page(
      run, engine::gather_evidence(toys::pair_tasks(), pair(), folder / "run", false), "task: pair", nullptr);
  CHECK(page.find(">generator<") != std::string::npos);

  // Where the recipe tells no models apart, all is told as ever.
  train_pair(folder / "alike", pair({"optimizer.models=null", "schedule.models=null"}));
  CHECK(json_lines(folder / "alike/metrics.jsonl").back().contains("lr"));
}

TEST_CASE("a model that the task has not is named before the first step, with the nearest", "[tasks]") {
  const Quiet quiet;
  const auto refusal = [&](const std::string& set) {
    const std::string of_check = user_error([&] { engine::check_training(toys::pair_tasks(), pair({set})); });
    CHECK(user_error([&] { train_pair(TempDir() / "run", pair({set})); }) == of_check);
    return of_check;
  };
  CHECK(refusal("optimizer.models.critik.lr=0.1") ==
        "optimizer.models.critik: the task has no model of this name; did you mean critic?");
  CHECK(refusal("schedule.models.all.warmup=1 epoch") ==
        "schedule.models.all: the task has no model of this name; its models: generator, critic");
}

TEST_CASE("a loss of any name that is not finite stops the training and names its model", "[tasks]") {
  const TempDir folder;
  const std::string error = user_error([&] {
    train_pair(folder / "run", pair({"optimizer.models.critic.lr=1e39", "train.clip_grad_norm=null"}));
  });
  CHECK(error.find("the loss of critic is not finite at step 1 (samples ") == 0);
  CHECK(error.find("; lower optimizer.lr") != std::string::npos);
}
