#include "tasks/walk.h"

#include <algorithm>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/random.h"
#include "data/collate.h"
#include "engine/context.h"
#include "engine/feed.h"
#include "models/registry.h"
#include "nn/layers.h"
#include "tasks/toys.h"

namespace mlrun::toys {
namespace {

constexpr double kGoal = 0.4, kReach = 0.3;  // where the reward is; how far a move of 1 goes
constexpr std::int64_t kRoom = 256, kMovesPerStep = 8, kMovesJudged = 12;
enum Column : std::int64_t { kAt, kMove, kReward, kNext, kSurprise, kColumns };

/// The place after a move, and what it is worth: the nearer to the goal the better. Tensors [N, 1].
torch::Tensor moved(const torch::Tensor& at, const torch::Tensor& move) { return (at + kReach * move).clamp(-1, 1); }
torch::Tensor reward_at(const torch::Tensor& place) { return -(place - kGoal).square(); }

/// The environment and its memory: rows of place, move, reward, next place and surprise.
class Replay : public engine::Feed {
 public:
  Replay(std::shared_ptr<nn::Layer> actor, const config::TrainSection& train, torch::Device device)
      : actor_(std::move(actor)),
        seed_(static_cast<std::uint64_t>(train.seed)),
        size_(train.batch_size),
        parts_(train.accumulate),
        device_(device) {}

  std::optional<engine::MicroBatch> next() override {
    if (part_ == 0) {
      for (std::int64_t i = 0; i < kMovesPerStep; ++i) walk();
      draw();
    }
    const std::int64_t share = size_ / parts_;
    const auto rows = rows_.narrow(0, part_ * share, share);
    const auto chosen = memory_.index_select(0, rows);
    engine::MicroBatch micro;
    for (std::int64_t i = 0; i < share; ++i) {
      micro.batch.ids.push_back("move " + std::to_string(rows[i].item<std::int64_t>()));
      micro.batch.indices.push_back(rows[i].item<std::int64_t>());
    }
    micro.batch.inputs = {{"at", chosen.narrow(1, kAt, 1)}, {"move", chosen.narrow(1, kMove, 1)}};
    micro.batch.targets = {{"reward", chosen.narrow(1, kReward, 1)}, {"next", chosen.narrow(1, kNext, 1)}};
    micro.number = part_;
    micro.step_samples = size_;
    micro.last = part_ + 1 == parts_;
    part_ = micro.last ? 0 : part_ + 1;
    return micro;
  }

  void feedback(const data::Fields& learnt) override {
    memory_.select(1, kSurprise).index_copy_(0, learnt.tensor("rows"), learnt.tensor("error").to(torch::kCPU));
  }

  void save(data::State& state, const std::string& prefix) const override {
    state.put(prefix + "memory", memory_);
    state.put(prefix + "walk", Json{{"moves", moves_}, {"draws", draws_}, {"at", at_}});
  }
  void load(const data::State& state, const std::string& prefix) override {
    memory_ = state.tensor(prefix + "memory").clone();
    const Json& walk = state.value(prefix + "walk");
    moves_ = walk.at("moves").get<std::int64_t>();
    draws_ = walk.at("draws").get<std::int64_t>();
    at_ = walk.at("at").get<double>();
  }

 private:
  /// One move, by the actor and by chance.
  void walk() {
    const torch::NoGradGuard no_gradients;
    KeyedRandom random(seed_, "walk", static_cast<std::uint64_t>(moves_));
    if (moves_ % 10 == 0) at_ = random.uniform(-1, 1);
    const auto at = torch::full({1, 1}, at_, torch::kFloat);
    const auto chosen = (*actor_)(at.to(device_)).to(torch::kCPU);
    const auto move = (chosen + random.uniform(-0.5, 0.5)).clamp(-1, 1), place = moved(at, move);
    const auto row = torch::cat({at, move, reward_at(place), place, torch::ones({1, 1})}, 1);
    memory_.select(0, moves_ % kRoom).copy_(row[0]);
    at_ = place.item<double>();
    ++moves_;
  }

  /// The rows of a step, each as likely as it surprised.
  void draw() {
    const std::int64_t filled = std::min(moves_, kRoom);
    const auto weights = memory_.narrow(0, 0, filled).select(1, kSurprise).to(torch::kDouble) + 0.01;
    const auto sums = weights.cumsum(0).contiguous();
    KeyedRandom random(seed_, "replay", static_cast<std::uint64_t>(draws_++));
    rows_ = torch::empty({size_}, torch::kLong);
    const double* begin = sums.data_ptr<double>();
    for (std::int64_t i = 0; i < size_; ++i) {
      const double* found = std::upper_bound(begin, begin + filled, random.uniform() * begin[filled - 1]);
      rows_[i] = std::min<std::int64_t>(found - begin, filled - 1);
    }
  }

  std::shared_ptr<nn::Layer> actor_;
  std::uint64_t seed_;
  std::int64_t size_, parts_;
  torch::Device device_;
  torch::Tensor memory_ = torch::zeros({kRoom, kColumns}), rows_;
  std::int64_t moves_ = 0, draws_ = 0, part_ = 0;
  double at_ = 0;
};

/// Places to begin at.
class Starts : public data::Source {
 public:
  std::int64_t size() const override { return 21; }
  data::Sample get(const data::SampleKey& key) const override {
    const auto at = torch::tensor({static_cast<double>(key.index) / 10 - 1}, torch::kFloat);
    return {std::to_string(key.index), key.index, {{"at", at}}, {}};
  }
};

class Return : public metrics::Metric {
 public:
  void update(const data::Fields& prediction, const data::Batch& batch) override {
    sum_ += prediction.tensor("return").sum().item<double>();
    count_ += static_cast<double>(batch.size());
  }
  void merge(const Metric& other) override {
    sum_ += dynamic_cast<const Return&>(other).sum_;
    count_ += dynamic_cast<const Return&>(other).count_;
  }
  metrics::Figures compute() const override { return {{"return", sum_ / count_, report::Better::Higher, 4, ""}}; }
  void save(data::State&, const std::string&) const override {}
  void load(const data::State&, const std::string&) override {}

 private:
  double sum_ = 0, count_ = 0;
};

std::shared_ptr<nn::Layer> small_network(std::int64_t in, bool bounded) {
  auto model = std::make_shared<nn::Sequential>("SmallNetwork");
  model->push(std::make_shared<nn::Linear>(in, 16));
  model->push(std::make_shared<nn::Activation>(nn::Act::Tanh));
  model->push(std::make_shared<nn::Linear>(16, 1));
  if (bounded) model->push(std::make_shared<nn::Activation>(nn::Act::Tanh));
  nn::name_layers(*model);
  return model;
}

class Walk : public engine::Task {
 public:
  explicit Walk(const config::TrainSection& train)
      : train_(train), models_({{"actor", small_network(1, true)}, {"critic", small_network(2, false)}}) {}

  const data::DataInfo& data() const override { return info_; }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override { return evaluation_source(split); }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override {
    return split == data::Split::Train ? nullptr : std::make_shared<Starts>();
  }
  data::Batch collate(std::vector<data::Sample> samples) const override { return data::stacked(std::move(samples)); }

  std::unique_ptr<engine::Feed> feed(const engine::Context& context) override {
    return std::make_unique<Replay>(models_[0].second, train_, context.device);
  }
  std::vector<std::string> phases() const override { return {"critic", "actor"}; }
  void train(engine::Step& step, const data::Batch& batch) override {
    const auto run = [&step](const char* model, const torch::Tensor& input) {
      return step.run(model, {{"input", input}}).tensor("output");
    };
    const auto units = static_cast<double>(batch.size());
    const auto at = batch.inputs.tensor("at");
    if (step.phase() == "actor") {
      const auto worth = -run("critic", torch::cat({at, run("actor", at)}, 1)).mean();
      step.log({"actor_loss", worth.item<double>(), report::Better::Lower, 4, ""}, units);
      return step.minimise("actor", worth, units);
    }
    const auto worth = run("critic", torch::cat({at, batch.inputs.tensor("move")}, 1));
    const auto error = worth - batch.targets.tensor("reward");
    step.feedback({{"rows", torch::tensor(batch.indices)}, {"error", error.detach().abs().flatten()}});
    const auto loss = error.square().mean();
    step.log({"critic_loss", loss.item<double>(), report::Better::Lower, 4, ""}, units);
    step.minimise("critic", loss, units);
  }
  /// What a walk of some moves is worth, by the actor alone.
  data::Fields predict(const data::Batch& batch) override {
    auto at = batch.inputs.tensor("at"), sum = torch::zeros_like(at);
    for (std::int64_t i = 0; i < kMovesJudged; ++i) {
      at = moved(at, (*models_[0].second)(at));
      sum = sum + reward_at(at);
    }
    return {{"return", sum}};
  }
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split) const override {
    std::vector<std::unique_ptr<metrics::Metric>> list;
    list.push_back(std::make_unique<Return>());
    return list;
  }
  std::string unit() const override { return "moves"; }
  std::string headline() const override { return "return"; }
  data::Sample read(const std::filesystem::path& file) const override {
    throw file_error(file.string(), "is a file, and this task takes none", "evaluate it instead");
  }
  engine::Answer answer(const data::Batch&, const data::Fields&, std::int64_t,
                        const engine::AnswerOptions&) const override {
    return {nullptr, report::Table({}), report::Table({})};
  }

 private:
  config::TrainSection train_;
  data::DataInfo info_ = {"line", "a line to walk on"};
  engine::Models models_;
};

}  // namespace

const engine::TaskFactory& walk_tasks() {
  static const auto factory = only<engine::TaskFactory, config::NoOptions>(
      "task", "walk", [](const config::NoOptions&, const engine::TaskRequest& request) {
        return std::make_unique<Walk>(request.recipe.train);
      });
  return factory;
}

const config::Catalogue& walk_catalogue() {
  static const auto models = only<models::ModelFactory, config::NoOptions>(
      "model", "small_network",
      [](const config::NoOptions&, const models::ModelRequest&) { return small_network(1, true); });
  static const config::Catalogue catalogue = with_shared({&walk_tasks(), &models});
  return catalogue;
}

}  // namespace mlrun::toys
