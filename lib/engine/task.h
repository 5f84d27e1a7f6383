#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "config/recipe.h"
#include "config/registry.h"
#include "data/sources/source.h"
#include "data/state.h"
#include "engine/answer.h"
#include "metrics/metric.h"
#include "nn/layer.h"

namespace mlrun::models {
struct NamedModel;
}

namespace mlrun::engine {

class Exhibition;
class Feed;
struct Context;

/// What a model gives each class of what it chooses among, and which is right: floating logits [N, C], int64 labels
/// [N].
struct ClassScores {
  torch::Tensor logits, labels;
};

/// A task's networks by name, in order: one, or a generator and a discriminator.
using Models = std::vector<std::pair<std::string, std::shared_ptr<nn::Layer>>>;

/// The engine's hands during one micro-batch. Accumulation, clipping and the update live behind it,
/// so that a task says what is minimised and never how.
class Step {
 public:
  virtual ~Step() = default;

  /// Runs a model in training mode: fields under the names of its input ports to those of its output ports, numbers
  /// of half precision as float32.
  virtual data::Fields run(const std::string& model, const data::Fields& inputs) = 0;

  /// Lowers `loss`, a scalar that is a mean over `units` of the micro-batch (samples, their weights, valid pixels), by
  /// the parameters of `model` alone: the step's loss is the mean over the units of all its micro-batches. Without
  /// units the micro-batch counts nothing, and its loss may be NaN. The update happens with the last micro-batch, at
  /// once. A model minimises one loss in a phase; a second one is a bug. What is minimised is watched for divergence.
  virtual void minimise(const std::string& model, const torch::Tensor& loss, double units) = 0;

  /// Adds to a figure's mean over the epoch; `units` are those that its value is the mean of.
  virtual void log(const report::Figure& figure, double units) = 0;

  /// Which of `Task::phases` is under way.
  const std::string& phase() const { return phase_; }
  /// Tells the feed what was learnt: an environment what was done in it, a replay buffer how much a sample surprised.
  virtual void feedback(const data::Fields& /*learnt*/) {}

 protected:
  std::string phase_;
};

/// Puts together what several sets of weights say of one batch.
class Combination {
 public:
  virtual ~Combination() = default;
  /// What the next one predicts, on the CPU.
  virtual void add(const data::Fields& prediction) = 0;
  /// What all together say, in the form of `Task::predict`.
  virtual data::Fields result() const = 0;
};

/// What a recipe is. From it the engine derives training, evaluation and prediction.
class Task : public data::Stateful {
 public:
  /// The data set that sources come from; before the first one was asked for, the `known` one.
  virtual const data::DataInfo& data() const = 0;
  virtual const Models& models() const = 0;

  /// The samples of a split, ready for `collate`, those of the train split as training sees them;
  /// null where the data set has no such split.
  virtual std::shared_ptr<const data::Source> source(data::Split split) = 0;
  /// The same as evaluation sees them, whatever the split.
  virtual std::shared_ptr<const data::Source> evaluation_source(data::Split split) = 0;
  virtual data::Batch collate(std::vector<data::Sample> samples) const = 0;

  virtual void train(Step& step, const data::Batch& batch) = 0;
  /// What an optimizer step consists of, in order: `train` is called with all its micro-batches in each, and each has
  /// gradients and updates of its own. Two of one name: two updates of a critic, then one of a generator.
  virtual std::vector<std::string> phases() const { return {""}; }
  /// Where samples come from that are no epochs over `source(Split::Train)`: an environment, a replay buffer. Null:
  /// they are. Such a training has no epochs; its length is in steps.
  virtual std::unique_ptr<Feed> feed(const Context& context);
  /// Runs the models as training does, for what only looks at them (batch norm's statistics).
  virtual void look(const data::Batch& batch) { predict(batch); }
  /// What the metrics compare with the batch's targets. Called without gradients, models in
  /// evaluation mode.
  virtual data::Fields predict(const data::Batch& batch) = 0;
  virtual std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split split) const = 0;
  /// What samples are, where speed is told: `images` a second.
  virtual std::string unit() const { return "samples"; }
  /// The figure that chooses the best weights where the recipe does not say, as `acc1`.
  virtual std::string headline() const = 0;

  /// Makes a sample of one input file, as `source(Split::Test)` would.
  virtual data::Sample read(const std::filesystem::path& file) const = 0;
  /// Whether a file of a folder is one that `read` takes, by its name; images, unless a task says otherwise.
  virtual bool reads(const std::string& name) const;
  /// What `mlrun predict` says of row `row` of a batch and its prediction.
  virtual Answer answer(const data::Batch& batch, const data::Fields& prediction, std::int64_t row,
                        const AnswerOptions& options) const = 0;
  /// The members of `AnswerOptions` that answers heed, by name; the others are refused.
  virtual std::vector<std::string> answer_options() const { return {}; }
  /// What whoever uses the weights must know beside the classes and the recipe's transforms, in the numbers that are in
  /// use. Of images: `channels` of the data, `input_channels` of the model, and what `data::Pipeline::facts` has.
  virtual Json preprocessing() const { return Json::object(); }

  /// An empty combination, for one batch; null where predictions of this task cannot be combined.
  virtual std::unique_ptr<Combination> combination() const { return nullptr; }

  /// What the list of an evaluation's samples has of each beside its id, as `predicted`; empty: there is no such list.
  virtual std::vector<std::string> judged() const { return {}; }
  /// The values of each sample of a batch, in that order: words, numbers, null.
  virtual std::vector<std::vector<Json>> judge(const data::Batch& /*batch*/, const data::Fields& /*prediction*/) const {
    return {};
  }
  /// What temperature scaling looks at; nothing where the task does not choose among classes.
  virtual std::optional<ClassScores> class_scores(const data::Batch& /*batch*/,
                                                  const data::Fields& /*prediction*/) const {
    return {};
  }

  /// What a run's page shows of this task, for one evaluation; null: figures and samples alone.
  virtual std::unique_ptr<Exhibition> exhibition();

  void save(data::State&, const std::string&) const override {}
  void load(const data::State&, const std::string&) override {}

  /// A sample of `source(Split::Train)` (`augmented`) or `evaluation_source` as an image to look at, uint8 [H, W, C];
  /// nothing where the task's samples are no images.
  virtual std::optional<torch::Tensor> picture(const data::Sample& /*sample*/, bool /*augmented*/) const { return {}; }
};

/// What a task is made of. With `known`, models are built for data described earlier, and the data
/// set is only opened when a source is asked for.
struct TaskRequest {
  const config::Recipe& recipe;
  std::optional<data::DataInfo> known;
};

/// What a task makes of an architecture that is named alone, without a recipe and data.
struct ModelAlone {
  /// A recipe (YAML) that trains `model` on `batch` made-up samples, `size` pixels a side.
  std::function<std::string(const models::NamedModel& model, std::int64_t batch, std::int64_t size)> recipe;
  std::vector<config::Component> preprocess;  ///< what evaluation does to samples, as the model was published
};

/// The tasks by name.
class TaskFactory : public config::Factory<std::unique_ptr<Task>(const TaskRequest&)> {
 public:
  using Factory::Factory;

  /// Makes the task that `kind` names, and sets its models as the recipe says (`model.batch_norm`).
  std::unique_ptr<Task> make(const config::Component& kind, const TaskRequest& request) const;

  /// Says what `task` makes of its models alone; where it says nothing, they need a recipe.
  void add_alone(const std::string& task, ModelAlone alone);
  /// UserError that names `model`, which is of `task`, where the task makes nothing of a model alone.
  const ModelAlone& alone(const std::string& task, const std::string& model) const;

 private:
  std::map<std::string, ModelAlone> alone_;
};

}  // namespace mlrun::engine
