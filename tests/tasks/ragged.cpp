#include "tasks/ragged.h"

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "engine/ports.h"
#include "models/registry.h"
#include "nn/layers.h"
#include "report/format.h"
#include "tasks/toys.h"

namespace mlrun::toys {
namespace {

using nn::Tensors;

/// None to four points, and where they should be.
class Clouds : public data::Source {
 public:
  explicit Clouds(std::uint64_t seed) : seed_(seed) {}
  std::int64_t size() const override { return 48; }
  data::Sample get(const data::SampleKey& key) const override {
    KeyedRandom random = numbers(key.index);
    const auto points = torch::empty({static_cast<std::int64_t>(random.below(5)), 2});
    auto values = points.accessor<float, 2>();
    for (std::int64_t row = 0; row < points.size(0); ++row) {
      for (std::int64_t axis = 0; axis < 2; ++axis) values[row][axis] = static_cast<float>(random.uniform(-1, 1));
    }
    return {std::to_string(key.index), key.index, {{"points", points}}, {{"moved", points.flip(1) + 1}}};
  }
  /// Batches go by its length: its points and an end.
  data::SampleFacts facts(std::int64_t index) const override {
    data::SampleFacts facts{std::to_string(index)};
    facts.length = static_cast<std::int64_t>(numbers(index).below(5)) + 1;
    return facts;
  }

 private:
  KeyedRandom numbers(std::int64_t index) const {
    return KeyedRandom(seed_, "ragged", 0, static_cast<std::uint64_t>(index));
  }
  std::uint64_t seed_;
};

class CloudsData : public data::Dataset {
 public:
  const data::DataInfo& info() const override { return info_; }
  std::shared_ptr<const data::Source> split(data::Split split) const override {
    return std::make_shared<Clouds>(static_cast<std::uint64_t>(split));
  }

 private:
  data::DataInfo info_ = {"clouds", "clouds of points"};
};

/// Moves every point, and adds up what it makes of those of a sample.
class Mover : public nn::Layer {
 public:
  Mover() : Layer("Mover") {
    move_ = add("move", std::make_shared<nn::Linear>(2, 2));
    score_ = add("score", std::make_shared<nn::Linear>(2, 1));
  }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    const torch::Tensor &points = inputs.at(0), &counts = inputs.at(1);
    const auto owner = (torch::ones_like(counts).cumsum(0) - 1).repeat_interleave(counts);  // for any number of samples
    const auto none = torch::zeros_like(counts, points.options()).unsqueeze(1);
    return {call(*move_, points), counts, none.index_add(0, owner, call(*score_, points))};
  }
  nn::Interface interface() const override { return {{{"points", /*ragged=*/true}}, {{"moved", true}, {"sum"}}}; }

 private:
  std::shared_ptr<nn::Linear> move_, score_;
};

/// The mean distance of coordinates, over points and not over samples.
class Distance : public metrics::Metric {
 public:
  void update(const data::Fields& prediction, const data::Batch& batch) override {
    const auto& found = std::get<Tensors>(prediction.at("moved"));
    const auto& wanted = std::get<Tensors>(batch.targets.at("moved"));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      sum_ += (found.at(i) - wanted[i].cpu()).abs().sum().item<double>();
      count_ += static_cast<double>(wanted[i].numel());
    }
  }
  void merge(const Metric& other) override {
    sum_ += dynamic_cast<const Distance&>(other).sum_;
    count_ += dynamic_cast<const Distance&>(other).count_;
  }
  metrics::Figures compute() const override { return {{"mae", sum_ / count_, report::Better::Lower, 3, "m"}}; }
  void save(data::State&, const std::string&) const override {}
  void load(const data::State&, const std::string&) override {}

 private:
  double sum_ = 0, count_ = 0;
};

class Ragged : public engine::Task {
 public:
  Ragged() : models_({{"model", std::make_shared<Mover>()}}) { nn::name_layers(*models_[0].second); }

  const data::DataInfo& data() const override { return dataset_.info(); }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override { return dataset_.split(split); }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override { return dataset_.split(split); }
  data::Batch collate(std::vector<data::Sample> samples) const override {
    data::Batch batch;
    Tensors points, moved;
    for (auto& sample : samples) {
      points.push_back(sample.inputs.tensor("points"));
      if (sample.targets.has("moved")) moved.push_back(sample.targets.tensor("moved"));
      batch.ids.push_back(std::move(sample.id));
      batch.indices.push_back(sample.index);
    }
    batch.inputs.set("points", points);
    batch.targets.set("moved", moved);
    return batch;
  }

  void train(engine::Step& step, const data::Batch& batch) override {
    const auto outputs = step.run("model", batch.inputs);
    const auto moved = torch::cat(std::get<Tensors>(outputs.at("moved")));
    const auto wanted = torch::cat(std::get<Tensors>(batch.targets.at("moved")));
    const auto loss = torch::mse_loss(moved, wanted);  // a mean over points: they are its units
    const auto units = static_cast<double>(wanted.size(0));
    step.log({"loss", loss.item<double>(), report::Better::Lower, 4, ""}, units);
    step.minimise("model", loss, units);
  }
  data::Fields predict(const data::Batch& batch) override {
    return engine::run_model(*models_[0].second, batch.inputs);
  }
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split) const override {
    std::vector<std::unique_ptr<metrics::Metric>> list;
    list.push_back(std::make_unique<Distance>());
    return list;
  }
  std::string headline() const override { return "mae"; }
  data::Sample read(const std::filesystem::path& file) const override {
    const auto numbers = static_cast<std::int64_t>(read_file(file).size());  // as many points as the file has bytes
    return {file.string(), 0, {{"points", torch::ones({numbers, 2})}}, {}};
  }
  engine::Answer answer(const data::Batch&, const data::Fields& prediction, std::int64_t row,
                        const engine::AnswerOptions&) const override {
    const auto& moved = std::get<Tensors>(prediction.at("moved")).at(static_cast<std::size_t>(row));
    report::Table points({{"x"}, {"y"}});
    for (const auto& point : moved.unbind()) {
      points.add({report::shortest(point[0].item<double>()), report::shortest(point[1].item<double>())});
    }
    const auto write = [csv = points.csv()](const std::filesystem::path& file) { write_file(file, csv); };
    return {{{"points", moved.size(0)}, {"sum", prediction.tensor("sum")[row].item<double>()}},
            points,
            points,
            {{"_moved.csv", write}}};
  }
  bool reads(const std::string& name) const override { return name.ends_with(".txt"); }

 private:
  CloudsData dataset_;
  engine::Models models_;
};

}  // namespace

const engine::TaskFactory& ragged_tasks() {
  static const auto factory = only<engine::TaskFactory, config::NoOptions>(
      "task", "ragged",
      [](const config::NoOptions&, const engine::TaskRequest&) { return std::make_unique<Ragged>(); });
  return factory;
}

const config::Catalogue& ragged_catalogue() {
  static const auto models = only<models::ModelFactory, config::NoOptions>(
      "model", "mover",
      [](const config::NoOptions&, const models::ModelRequest&) { return std::make_shared<Mover>(); });
  static const config::Catalogue catalogue = with_shared({&ragged_tasks(), &models});
  return catalogue;
}

}  // namespace mlrun::toys
