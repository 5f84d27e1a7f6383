#include "tasks/regression.h"

#include <cmath>
#include <sstream>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "data/collate.h"
#include "models/registry.h"
#include "nn/layers.h"
#include "report/format.h"
#include "tasks/toys.h"

namespace mlrun::toys {
namespace {

// 1. The data: a source gives samples by position, keyed draws and all. `y` is a wave of the two numbers in `x`.
class Waves : public data::Source {
 public:
  Waves(std::int64_t first, std::int64_t size) : first_(first), size_(size) {}
  std::int64_t size() const override { return size_; }
  data::Sample get(const data::SampleKey& key) const override {
    KeyedRandom random(7, "waves", 0, static_cast<std::uint64_t>(first_ + key.index));
    const double a = random.uniform(), b = random.uniform();
    const auto x = torch::tensor({a, b}, torch::kFloat), y = torch::tensor({std::sin(6 * a) + b}, torch::kFloat);
    return {std::to_string(key.index), key.index, {{"x", x}}, {{"y", y}}};
  }

 private:
  std::int64_t first_, size_;
};

class WavesData : public data::Dataset {
 public:
  WavesData() : info_{"waves", "waves of 64"} { info_.facts = {{"features", 2}}; }  // what the task reads
  const data::DataInfo& info() const override { return info_; }
  std::shared_ptr<const data::Source> split(data::Split split) const override {
    if (split == data::Split::Train) return std::make_shared<Waves>(0, 64);
    return std::make_shared<Waves>(split == data::Split::Val ? 100'000 : 200'000, 20);
  }

 private:
  data::DataInfo info_;
};

const data::SourceFactory& waves() {
  static const auto factory = only<data::SourceFactory, config::NoOptions>(
      "source", "waves", [](const auto&, const auto&) { return std::make_shared<const WavesData>(); });
  return factory;
}

// 2. The metric: exact over a split, mergeable, kept in a checkpoint. Its figure says that less is better.
class Rmse : public metrics::Metric {
 public:
  void update(const data::Fields& prediction, const data::Batch& batch) override {
    const auto error = (prediction.tensor("y") - batch.targets.tensor("y").to(torch::kCPU)).to(torch::kDouble);
    sum_ += error.square().sum().item<double>();
    count_ += static_cast<double>(error.numel());
  }
  void merge(const Metric& other) override {
    const auto& more = dynamic_cast<const Rmse&>(other);
    sum_ += more.sum_;
    count_ += more.count_;
  }
  metrics::Figures compute() const override {
    return {{"rmse", std::sqrt(sum_ / count_), report::Better::Lower, 4, "V"}};
  }
  void save(data::State& state, const std::string& prefix) const override {
    state.put(prefix + "sums", torch::tensor({sum_, count_}, torch::kDouble));
  }
  void load(const data::State& state, const std::string& prefix) override {
    const auto sums = state.tensor(prefix + "sums");
    sum_ = sums[0].item<double>();
    count_ = sums[1].item<double>();
  }

 private:
  double sum_ = 0, count_ = 0;
};

// 3. The model, of layers that run through their door.
const models::ModelFactory& mlps() {
  static const auto factory = only<models::ModelFactory, config::NoOptions>(
      "model", "mlp", [](const auto&, const models::ModelRequest& request) {
        auto mlp = std::make_shared<nn::Sequential>("Mlp");
        mlp->push(std::make_shared<nn::Linear>(request.inputs, 16));
        mlp->push(std::make_shared<nn::Activation>(nn::Act::Relu));
        mlp->push(std::make_shared<nn::Linear>(16, request.outputs));
        nn::name_layers(*mlp);
        return mlp;
      });
  return factory;
}

// 4. The task: it opens the data, makes the model, says what is minimised and what a prediction is.
class Regression : public engine::Task {
 public:
  explicit Regression(const engine::TaskRequest& request) {
    if (request.known) info_ = *request.known;
    dataset_ = waves().make(request.recipe.data.source, data::OpenRequest{});
    if (!request.known) info_ = dataset_->info();
    const models::ModelRequest wanted{1, info_.facts.at("features").get<std::int64_t>()};
    models_ = {{"model", mlps().make(request.recipe.model.architecture, wanted)}};
  }
  const data::DataInfo& data() const override { return info_; }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override { return dataset_->split(split); }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override { return dataset_->split(split); }
  data::Batch collate(std::vector<data::Sample> samples) const override { return data::stacked(std::move(samples)); }
  void train(engine::Step& step, const data::Batch& batch) override {
    const auto y = step.run("model", {{"input", batch.inputs.tensor("x")}}).tensor("output");
    const auto loss = torch::mse_loss(y, batch.targets.tensor("y"));
    const auto units = static_cast<double>(batch.size());
    step.log({"loss", loss.item<double>(), report::Better::Lower, 4, ""}, units);
    step.minimise("model", loss, units);
  }
  data::Fields predict(const data::Batch& batch) override {
    return {{"y", (*models_.front().second)(batch.inputs.tensor("x"))}};
  }
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split) const override {
    std::vector<std::unique_ptr<metrics::Metric>> list;
    list.push_back(std::make_unique<Rmse>());
    return list;
  }
  std::string headline() const override { return "rmse"; }
  // What `mlrun predict` reads, and says: two numbers in a text file, one number.
  data::Sample read(const std::filesystem::path& file) const override {
    float x[2];
    std::istringstream text(read_file(file));
    if (!(text >> x[0] >> x[1]))
      throw file_error(file.string(), "does not hold two numbers", "write them as '0.1 0.2'");
    return {file.string(), 0, {{"x", torch::tensor({x[0], x[1]})}}, {}};
  }
  bool reads(const std::string& name) const override { return name.ends_with(".txt"); }
  engine::Answer answer(const data::Batch&, const data::Fields& prediction, std::int64_t row,
                        const engine::AnswerOptions&) const override {
    const auto y = prediction.tensor("y")[row].item<double>();
    engine::Answer answer{{{"y", y}}, report::Table({{"y"}}), report::Table({{"y"}})};
    answer.table.add({report::fixed(y, 4) + " V"});
    answer.records.add({report::shortest(y)});
    return answer;
  }

 private:
  std::shared_ptr<const data::Dataset> dataset_;
  data::DataInfo info_;
  engine::Models models_;
};

}  // namespace

// 5. What recipes may name. A task of mlrun adds to the lists of `recipes/registry.cpp`.
const engine::TaskFactory& regression_tasks() {
  static const auto factory = only<engine::TaskFactory, config::NoOptions>(
      "task", "regression", [](const config::NoOptions&, const engine::TaskRequest& request) {
        return std::make_unique<Regression>(request);
      });
  return factory;
}

const config::Catalogue& regression_catalogue() {
  static const config::Catalogue catalogue = with_shared({&regression_tasks(), &waves(), &mlps()});
  return catalogue;
}

}  // namespace mlrun::toys
