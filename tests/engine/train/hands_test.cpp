#include "engine/train/hands.h"

#include <barrier>
#include <cmath>
#include <numeric>
#include <thread>

#include <torch/types.h>
#include <torch/utils.h>

#include "dist/group.h"
#include "figures.h"
#include "nn/layers.h"
#include "optim/optimizer.h"
#include "support.h"

using namespace mlrun;
using engine::Hands;
using engine::RunningFigures;

namespace {

torch::Tensor run(Hands& hands, const std::string& model, const torch::Tensor& input) {
  return hands.run(model, {{"input", input}}).tensor("output");
}

/// A linear model y = x W + b with weights that depend on `seed` alone, and SGD on it.
struct HandsFixture {
  explicit HandsFixture(const std::vector<std::string>& names) {
    for (const auto& name : names) {
      auto model = std::make_shared<nn::Linear>(6, 3);
      nn::name_layers(*model);
      nn::initialise(*model, 7 + models.size());
      optim::NamedTensors parameters;
      for (const auto& item : model->named_parameters()) parameters.emplace_back(item.key(), item.value());
      optimizers[name] = optim::optimizers().make(optim::optimizers().defaults("sgd"), std::move(parameters));
      models.emplace_back(name, std::move(model));
    }
  }
  torch::Tensor weight(std::size_t model = 0) const { return models[model].second->parameters().front(); }

  engine::Models models;
  Hands::Optimizers optimizers;
};

/// One step of `parts` micro-batches over the same samples, where `planned` were to come; returns
/// the weights after it.
torch::Tensor step_of_planned(const std::vector<std::int64_t>& parts, std::int64_t planned, double* loss,
                              std::optional<double> clip = {}) {
  HandsFixture fixture({"model"});
  Hands hands(fixture.models, fixture.optimizers, {clip, {}, {}});
  torch::manual_seed(1);
  const torch::Tensor inputs = torch::randn({32, 6}), targets = torch::randn({32, 3});
  std::int64_t at = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    hands.begin(0.5, parts[i], planned, static_cast<std::int64_t>(i), last);
    if (parts[i] == 0) {
      if (last) hands.end_without_samples();
      continue;
    }
    const torch::Tensor output = run(hands, "model", inputs.narrow(0, at, parts[i]));
    const torch::Tensor mean = (output - targets.narrow(0, at, parts[i])).square().mean();
    hands.log({"loss", mean.item<double>()}, static_cast<double>(parts[i]));
    hands.minimise("model", mean, static_cast<double>(parts[i]));
    at += parts[i];
  }
  *loss = hands.loss();
  CHECK(hands.seen() == at);
  if (at > 0) CHECK(hands.figures().means().front().value == Approx(hands.loss()).epsilon(1e-9));
  CHECK_FALSE(fixture.weight().grad().defined());  // dropped after the update
  return fixture.weight().detach().clone();
}

torch::Tensor step_in_parts(const std::vector<std::int64_t>& parts, double* loss, std::optional<double> clip = {}) {
  return step_of_planned(parts, 32, loss, clip);
}

/// Ranks that are threads of this process.
class Threads {
 public:
  explicit Threads(int size) : size_(size), meeting_(size), parts_(static_cast<std::size_t>(size)) {}

  class Rank : public dist::Group {
   public:
    Rank(Threads& all, int rank) : all_(all), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return all_.size_; }
    void sum(const std::vector<at::Tensor>& tensors) override {
      auto& own = all_.parts_[static_cast<std::size_t>(rank_)];
      own.clear();
      for (const auto& tensor : tensors) own.push_back(tensor.detach().clone());
      all_.meeting_.arrive_and_wait();
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        tensors[i].zero_();
        for (const auto& part : all_.parts_) tensors[i].add_(part.at(i));
      }
      all_.meeting_.arrive_and_wait();
    }

   private:
    Threads& all_;
    int rank_;
  };

 private:
  int size_;
  std::barrier<> meeting_;
  std::vector<std::vector<at::Tensor>> parts_;
};

/// The weights after a step of a weighted loss, in float64: `parts[r]` are the micro-batches of rank r, in samples.
std::vector<torch::Tensor> common_step(const std::vector<std::vector<std::int64_t>>& parts) {
  const auto weights = torch::tensor({5., 1., 0., 0., 3., .5, 0., 2.}, torch::kDouble);
  const auto numbers = torch::linspace(-1, 1, 8 * 9, torch::kDouble).sin().view({8, 9});
  Threads ranks(static_cast<int>(parts.size()));
  std::vector<torch::Tensor> results(parts.size());
  std::vector<HandsFixture> fixtures;  // made one after another: threads share a generator
  for (std::size_t i = 0; i < parts.size(); ++i) {
    fixtures.emplace_back(std::vector<std::string>{"model"});
    fixtures.back().models[0].second->to(torch::kDouble);
  }
  const auto train = [&](std::size_t rank, std::int64_t at) {
    HandsFixture& fixture = fixtures[rank];
    Threads::Rank group(ranks, static_cast<int>(rank));
    Hands hands(fixture.models, fixture.optimizers, {0.5, {}, {}});
    hands.share_with(group);
    const auto samples = std::accumulate(parts[rank].begin(), parts[rank].end(), std::int64_t{0});
    for (std::size_t i = 0; i < parts[rank].size(); ++i) {
      const std::int64_t count = parts[rank][i];
      hands.begin(0.5, count, samples, static_cast<std::int64_t>(i), i + 1 == parts[rank].size());
      const auto rows = numbers.narrow(0, at, count), of_rows = weights.narrow(0, at, count);
      const auto errors = (run(hands, "model", rows.narrow(1, 0, 6)) - rows.narrow(1, 6, 3)).square().mean(1);
      hands.minimise("model", (errors * of_rows).sum() / of_rows.sum(), of_rows.sum().item<double>());
      at += count;
    }
    results[rank] = fixture.weight().detach().clone();
  };
  std::vector<std::thread> threads;
  std::int64_t at = 0;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    threads.emplace_back(train, rank, at);
    at += std::accumulate(parts[rank].begin(), parts[rank].end(), std::int64_t{0});
  }
  for (auto& thread : threads) thread.join();
  return results;
}

}  // namespace

TEST_CASE("ranks of a group make the step that one process makes", "[engine]") {
  const torch::Tensor alone = common_step({{8}}).front();
  // Of several ranks' micro-batches, one without any unit, and a rank without.
  for (const auto& parts : std::vector<std::vector<std::vector<std::int64_t>>>{
           {{4}, {4}}, {{2, 2}, {2, 2}}, {{1, 1}, {2}, {1, 3}}, {{5, 1}, {1, 1}}}) {
    const auto ranks = common_step(parts);
    for (const auto& weights : ranks) {
      CHECK((weights - alone).abs().max().item<double>() < 1e-12);
      CHECK(torch::equal(weights, ranks.front()));
    }
  }
}

TEST_CASE("micro-batches give the step that the whole batch gives", "[engine]") {
  double whole_loss = 0, parts_loss = 0;
  const torch::Tensor whole = step_in_parts({32}, &whole_loss);
  for (const auto& parts : std::vector<std::vector<std::int64_t>>{{8, 8, 8, 8}, {12, 12, 8}, {31, 1}}) {
    const torch::Tensor weights = step_in_parts(parts, &parts_loss);
    CHECK((weights - whole).abs().max().item<double>() < 1e-6);
    CHECK(parts_loss == Approx(whole_loss).epsilon(1e-6));
  }
}

TEST_CASE("a step with skipped samples is the step of those that came", "[engine]") {
  // 32 planned, 20 came: as a whole batch of 20, in micro-batches, and with an empty last one.
  double whole_loss = 0, loss = 0;
  const torch::Tensor whole = step_of_planned({20}, 20, &whole_loss);
  for (const auto& parts : std::vector<std::vector<std::int64_t>>{{20}, {8, 0, 4, 8}, {8, 8, 4, 0}, {0, 20, 0, 0}}) {
    const torch::Tensor weights = step_of_planned(parts, 32, &loss);
    CHECK((weights - whole).abs().max().item<double>() < 1e-6);
    CHECK(loss == Approx(whole_loss).epsilon(1e-6));
  }
  const torch::Tensor clipped = step_of_planned({20}, 20, &loss, 0.1);
  CHECK((step_of_planned({8, 0, 12, 0}, 32, &loss, 0.1) - clipped).abs().max().item<double>() < 1e-6);
}

TEST_CASE("a step without samples changes nothing", "[engine]") {
  double loss = 0;
  const torch::Tensor before = HandsFixture({"model"}).weight().detach();
  CHECK(step_of_planned({0, 0}, 32, &loss).equal(before));
  CHECK(std::isnan(loss));
}

TEST_CASE("micro-batches weigh by the units that their losses are means over", "[engine]") {
  // Weighted least squares: a loss is a mean over the weights of its samples, which no micro-batch knows of the others.
  const torch::Tensor unit_weights = torch::tensor({5.F, 1.F, 0.F, 0.F, 3.F, 0.5F, 0.F, 2.F});
  torch::manual_seed(1);
  const torch::Tensor inputs = torch::randn({8, 6}), targets = torch::randn({8, 3});
  const auto step = [&](const std::vector<std::int64_t>& parts, double& loss, double& figure) {
    HandsFixture fixture({"model"});
    Hands hands(fixture.models, fixture.optimizers, {});
    std::int64_t at = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      hands.begin(0.5, parts[i], 8, static_cast<std::int64_t>(i), i + 1 == parts.size());
      const torch::Tensor weights = unit_weights.narrow(0, at, parts[i]), units = weights.sum();
      const torch::Tensor errors =
          (run(hands, "model", inputs.narrow(0, at, parts[i])) - targets.narrow(0, at, parts[i])).square().mean(1);
      const torch::Tensor mean = (errors * weights).sum() / units;  // NaN where nothing counts
      hands.log({"loss", mean.item<double>()}, units.item<double>());
      hands.minimise("model", mean, units.item<double>());
      at += parts[i];
    }
    loss = hands.loss();
    figure = hands.figures().means().front().value;
    return fixture.weight().detach().clone();
  };
  double whole_loss = 0, loss = 0, figure = 0;
  const torch::Tensor whole = step({8}, whole_loss, figure);
  CHECK(std::isfinite(whole_loss));
  for (const auto& parts :
       std::vector<std::vector<std::int64_t>>{{4, 4}, {2, 2, 4}, {1, 1, 2, 2, 2}, {7, 1}, {6, 1, 1}}) {
    INFO(parts.size() << " parts, the first of " << parts.front());
    CHECK((step(parts, loss, figure) - whole).abs().max().item<double>() < 1e-6);
    CHECK(loss == Approx(whole_loss).epsilon(1e-6));
    CHECK(figure == Approx(whole_loss).epsilon(1e-6));
  }
}

TEST_CASE("a step of which nothing counts changes nothing and has no loss", "[engine]") {
  HandsFixture fixture({"model"});
  Hands hands(fixture.models, fixture.optimizers, {});
  const torch::Tensor before = fixture.weight().detach().clone();
  for (const std::int64_t part : {0, 1}) {
    hands.begin(0.5, 2, 4, part, part == 1);
    const torch::Tensor none = run(hands, "model", torch::ones({2, 6})).sum() * std::nan("");
    hands.log({"loss", none.item<double>()}, 0);
    hands.minimise("model", none, 0);
  }
  CHECK_FALSE(hands.counted());
  CHECK(std::isnan(hands.loss()));
  CHECK(hands.figures().means().empty());
  CHECK(fixture.weight().equal(before));
  hands.begin(0.5, 2, 2, 0, true);
  hands.minimise("model", run(hands, "model", torch::ones({2, 6})).sum(), 2);
  CHECK_FALSE(fixture.weight().equal(before));  // the next step is as ever
}

TEST_CASE("clipping sees the gradient of the whole step", "[engine]") {
  double loss = 0;
  const torch::Tensor free = step_in_parts({32}, &loss);
  const torch::Tensor whole = step_in_parts({32}, &loss, 0.1);
  const torch::Tensor parts = step_in_parts({16, 16}, &loss, 0.1);
  CHECK((whole - parts).abs().max().item<double>() < 1e-6);
  CHECK((whole - free).abs().max().item<double>() > 1e-3);
  const torch::Tensor before = HandsFixture({"model"}).weight().detach();
  CHECK((whole - before).norm().item<double>() <= 0.5 * 0.1 * 1.001);  // lr times the largest norm
}

TEST_CASE("a loss is minimised by the named model's parameters alone", "[engine]") {
  HandsFixture fixture({"generator", "discriminator"});
  Hands hands(fixture.models, fixture.optimizers, {});
  const torch::Tensor generator = fixture.weight(0).detach().clone();
  const torch::Tensor discriminator = fixture.weight(1).detach().clone();
  hands.begin(0.1, 4, 4, 0, true);
  const torch::Tensor input = torch::ones({4, 6});
  const torch::Tensor fake = run(hands, "generator", input);
  const torch::Tensor judged = run(hands, "discriminator", torch::cat({fake, fake}, 1));
  hands.minimise("discriminator", judged.square().mean(), 4);
  CHECK(fixture.weight(0).equal(generator));
  CHECK_FALSE(fixture.weight(0).grad().defined());
  CHECK_FALSE(fixture.weight(1).equal(discriminator));
  hands.minimise("generator", fake.square().mean(), 4);
  CHECK_FALSE(fixture.weight(0).equal(generator));
  CHECK_THROWS_AS(run(hands, "critic", input), InternalError);
}

TEST_CASE("running figures are means by sample and survive a resume", "[engine]") {
  RunningFigures figures;
  const auto loss = [](double value) { return report::Figure{"loss", value, report::Better::Lower, 4, ""}; };
  figures.add(loss(1), 3);
  figures.add({"acc1", 50, report::Better::Higher, 2, "%"}, 3);
  figures.add(loss(3), 1);
  const metrics::Figures means = {loss(1.5), {"acc1", 50, report::Better::Higher, 2, "%"}};
  CHECK(figures.means() == means);
  data::State state;
  figures.save(state, "f.");
  RunningFigures again;
  again.add({"other", 1}, 1);
  again.load(state, "f.");
  again.add(loss(1.5), 4);
  CHECK(again.means() == means);
  again.clear();
  CHECK(again.means().empty());
}

TEST_CASE("a scaled loss gives the step of the unscaled one, and an overflow none", "[engine]") {
  const torch::Tensor input = torch::linspace(-1, 1, 24).view({4, 6});
  const auto step = [&](optim::GradScaler* scaler, double factor, HandsFixture& fixture) {
    auto hands = std::make_unique<Hands>(fixture.models, fixture.optimizers, optim::Clipping{0.5, {}, {}});
    hands->scale_with("model", scaler);
    hands->begin(0.1, 4, 4, 0, true);
    hands->minimise("model", run(*hands, "model", input).square().mean() * factor, 4);
    hands->end_phase();
    return hands;
  };
  HandsFixture plain({"model"}), scaled({"model"}), overflown({"model"});
  optim::GradScaler scaler;
  const auto without = step(nullptr, 1, plain), with = step(&scaler, 1, scaled);
  CHECK(scaled.weight().equal(plain.weight()));  // clipped, too: the scale is a power of two
  CHECK(with->grad_norm() == without->grad_norm());
  CHECK_FALSE(with->skipped());

  const torch::Tensor before = overflown.weight().detach().clone();
  const auto skipped = step(&scaler, 1e38, overflown);
  CHECK(skipped->skipped());
  CHECK(overflown.weight().equal(before));
  CHECK_FALSE(overflown.weight().grad().defined());
  CHECK(scaler.scale() == 32768);
  CHECK(scaler.skipped() == 1);
}
