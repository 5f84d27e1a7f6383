#include "tasks/pair.h"

#include <cmath>

#include <torch/types.h>

#include "base/error.h"
#include "data/collate.h"
#include "models/registry.h"
#include "nn/layers.h"
#include "tasks/toys.h"

namespace mlrun::toys {
namespace {

constexpr double kMean = 3, kSpread = 0.5;

/// Noise, and a real number of the distribution.
class Numbers : public data::Source {
 public:
  explicit Numbers(std::uint64_t seed) : seed_(seed) {}
  std::int64_t size() const override { return 64; }
  data::Sample get(const data::SampleKey& key) const override {
    KeyedRandom random(seed_, "pair", 0, static_cast<std::uint64_t>(key.index));
    const auto noise = torch::tensor({random.uniform(-1, 1), random.uniform(-1, 1)}, torch::kFloat);
    const auto real = torch::tensor({kMean + kSpread * random.uniform(-1, 1)}, torch::kFloat);
    return {std::to_string(key.index), key.index, {{"noise", noise}}, {{"real", real}}};
  }

 private:
  std::uint64_t seed_;
};

class NumbersData : public data::Dataset {
 public:
  const data::DataInfo& info() const override { return info_; }
  std::shared_ptr<const data::Source> split(data::Split split) const override {
    return std::make_shared<Numbers>(static_cast<std::uint64_t>(split));
  }

 private:
  data::DataInfo info_ = {"numbers", "numbers of the pair"};
};

/// How far the mean of what was generated is from the mean of what is real.
class Gap : public metrics::Metric {
 public:
  void update(const data::Fields& prediction, const data::Batch& batch) override {
    sums_ += torch::stack({prediction.tensor("number").sum(), batch.targets.tensor("real").sum()}).to(torch::kDouble);
    count_ += static_cast<double>(batch.size());
  }
  void merge(const Metric& other) override {
    sums_ += dynamic_cast<const Gap&>(other).sums_;
    count_ += dynamic_cast<const Gap&>(other).count_;
  }
  metrics::Figures compute() const override {
    return {{"gap", std::abs((sums_[0] - sums_[1]).item<double>()) / count_, report::Better::Lower, 3, ""}};
  }
  void save(data::State&, const std::string&) const override {}
  void load(const data::State&, const std::string&) override {}

 private:
  torch::Tensor sums_ = torch::zeros(2, torch::kDouble);
  double count_ = 0;
};

std::shared_ptr<nn::Layer> two_layers(std::int64_t in) {
  auto model = std::make_shared<nn::Sequential>("TwoLayers");
  model->push(std::make_shared<nn::Linear>(in, 16));
  model->push(std::make_shared<nn::Activation>(nn::Act::Tanh));
  model->push(std::make_shared<nn::Linear>(16, 1));
  nn::name_layers(*model);
  return model;
}

torch::Tensor critic_loss(const torch::Tensor& scores, double real) {
  return torch::binary_cross_entropy_with_logits(scores, torch::full_like(scores, real));
}

class Pair : public engine::Task {
 public:
  Pair() : models_({{"generator", two_layers(2)}, {"critic", two_layers(1)}}) {}

  const data::DataInfo& data() const override { return dataset_.info(); }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override { return dataset_.split(split); }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override { return dataset_.split(split); }
  data::Batch collate(std::vector<data::Sample> samples) const override { return data::stacked(std::move(samples)); }

  /// The critic is updated twice for each update of the generator.
  std::vector<std::string> phases() const override { return {"critic", "critic", "generator"}; }
  void train(engine::Step& step, const data::Batch& batch) override {
    const auto run = [&step](const char* model, const torch::Tensor& input) {
      return step.run(model, {{"input", input}}).tensor("output");
    };
    const bool criticise = step.phase() == "critic";
    const auto fake = run("generator", batch.inputs.tensor("noise"));
    const auto judged_fake = run("critic", criticise ? fake.detach() : fake);
    const auto loss = criticise
                          ? critic_loss(run("critic", batch.targets.tensor("real")), 1) + critic_loss(judged_fake, 0)
                          : critic_loss(judged_fake, 1);
    const auto units = static_cast<double>(batch.size());
    step.log({step.phase() + "_loss", loss.item<double>(), report::Better::Lower, 4, ""}, units);
    step.minimise(step.phase(), loss, units);
  }
  data::Fields predict(const data::Batch& batch) override {
    const auto number = (*models_[0].second)(batch.inputs.tensor("noise"));
    return {{"number", number}, {"score", (*models_[1].second)(number)}};
  }
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split) const override {
    std::vector<std::unique_ptr<metrics::Metric>> list;
    list.push_back(std::make_unique<Gap>());
    return list;
  }
  std::string headline() const override { return "gap"; }
  data::Sample read(const std::filesystem::path& file) const override {
    throw file_error(file.string(), "is a file, and this task takes none", "evaluate it instead");
  }
  engine::Answer answer(const data::Batch&, const data::Fields&, std::int64_t,
                        const engine::AnswerOptions&) const override {
    return {nullptr, report::Table({}), report::Table({})};
  }

 private:
  NumbersData dataset_;
  engine::Models models_;
};

}  // namespace

const engine::TaskFactory& pair_tasks() {
  static const auto factory = only<engine::TaskFactory, config::NoOptions>(
      "task", "pair", [](const config::NoOptions&, const engine::TaskRequest&) { return std::make_unique<Pair>(); });
  return factory;
}

const config::Catalogue& pair_catalogue() {
  static const auto models = only<models::ModelFactory, config::NoOptions>(
      "model", "two_layers", [](const config::NoOptions&, const models::ModelRequest&) { return two_layers(1); });
  static const config::Catalogue catalogue = with_shared({&pair_tasks(), &models});
  return catalogue;
}

}  // namespace mlrun::toys
