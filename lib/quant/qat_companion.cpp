#include "quant/qat_companion.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/log.h"
#include "data/read_samples.h"
#include "engine/ports.h"
#include "engine/read_batch.h"
#include "quant/engine.h"
#include "quant/qat_model.h"
#include "quant/runner.h"

namespace mlrun::quant {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& why, const std::string& remedy) {
  throw UserError(Problem{"", 0, 0, key, why, remedy});
}

void check_settings(const config::Recipe& recipe) {
  const config::QuantizeSection& quantize = recipe.quantize;
  if (recipe.train.amp != "none") {
    refuse("train.amp", "quantization-aware training computes in float32, not in " + recipe.train.amp,
           "set it to none");
  }
  if (recipe.train.activation_checkpointing) {
    refuse("train.activation_checkpointing", "ranges would take in twice what is computed twice", "set it to false");
  }
  if (quantize.observer != "auto" && quantize.observer != "moving_average") {
    refuse("quantize.observer",
           "quantization-aware training finds ranges by moving averages, not by " + quantize.observer,
           "set it to auto");
  }
  if (quantize.observer_freeze_epoch && *quantize.observer_freeze_epoch == 0) {
    refuse("quantize.observer_freeze_epoch", "ranges that are never looked for are not known", "set it to 1 or more");
  }
}

/// The first sample that can be read, as evaluation sees it.
data::Batch first_sample(engine::Task& task, const config::Recipe& recipe) {
  const auto source = task.evaluation_source(data::Split::Train);
  const auto on_error = data::on_error_of(recipe.data.on_error);
  for (std::int64_t i = 0; source && i < source->size(); ++i) {
    data::Batch batch = engine::collate_read(task, data::read_samples(*source, {{i, 0, 0}}, on_error));
    if (batch.size() > 0) return batch;
  }
  throw UserError("the data set '" + task.data().name + "' has no train samples that can be read",
                  "give data.split.train a share");
}

QatOptions options_of(const config::QuantizeSection& quantize) {
  const std::string engine = choose_engine(quantize.engine);
  return {engine, reduces_range(quantize.reduce_range, engine), quantize.weights, quantize.skip};
}

std::string state_prefix(const std::string& model_name) {
  return std::string(engine::kSavedCompanion) + model_name + ".";
}

class QatCompanion : public engine::Companion {
 public:
  QatCompanion(engine::Task& task, const config::Recipe& recipe, const engine::Context& context)
      : task_(task), quantize_(recipe.quantize), context_(context) {
    const auto inputs = engine::model_inputs(task, first_sample(task, recipe));
    for (const auto& [name, model] : task.models()) {
      models_.emplace_back(name, std::make_unique<QatModel>(*model, inputs.at(name), options_of(quantize_)));
      tell(*models_.back().second);
    }
  }

  std::unique_ptr<Presence> join(std::int64_t epoch) override {
    const auto frozen = [epoch](const std::optional<std::int64_t>& from) { return from && epoch >= *from; };
    auto presence = std::make_unique<AtDoors>();
    for (const auto& item : models_) {
      QatModel& model = *item.second;
      model.observe(!frozen(quantize_.observer_freeze_epoch));
      if (frozen(quantize_.bn_freeze_epoch)) freeze_norms(model.model());
      presence->scopes.push_back(std::make_unique<nn::InterceptorScope>(model.model(), model.door()));
    }
    return presence;
  }

  std::string prefix() const override { return "int8_"; }

  /// Int8 kernels run on the CPU alone, so weights that are elsewhere visit it.
  metrics::Figures figures(data::Split split, const engine::EvaluateOptions& options, bool averaged) override {
    engine::Context cpu = context_;
    cpu.device = torch::kCPU;
    const Visit visit(task_, cpu, context_);
    std::vector<std::unique_ptr<Int8Runner>> runners;
    std::vector<std::unique_ptr<nn::InterceptorScope>> scopes;
    for (const auto& item : models_) {
      nn::Layer& model = item.second->model();
      Int8Plan plan = item.second->plan(averaged);
      const std::string engine = engine_here(plan.engine);
      runners.push_back(std::make_unique<Int8Runner>(model, std::move(plan), engine));
      scopes.push_back(std::make_unique<nn::InterceptorScope>(model, *runners.back()));
    }
    return engine::evaluate(task_, split, cpu, options).figures;
  }

  Json choices() const override {
    const QatOptions& options = models_.front().second->options();
    return {{"int8_engine", options.engine}, {"reduce_range", options.reduce_range}};
  }

  void save(data::State& state, const std::string& prefix) const override {
    for (const auto& [name, model] : models_) model->save(state, prefix + name + ".");
  }
  void load(const data::State& state, const std::string& prefix) override {
    for (const auto& [name, model] : models_) model->load(state, prefix + name + ".");
  }

 private:
  struct AtDoors : Presence {
    std::vector<std::unique_ptr<nn::InterceptorScope>> scopes;
  };

  /// Models are at `there` while it lives.
  class Visit {
   public:
    Visit(engine::Task& task, const engine::Context& there, const engine::Context& home) : task_(task), home_(home) {
      away_ = there.device != home.device;
      for (const auto& model : task.models()) {
        if (away_) engine::place(*model.second, there);
      }
    }
    ~Visit() {
      for (const auto& model : task_.models()) {
        if (away_) engine::place(*model.second, home_);
      }
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    engine::Task& task_;
    engine::Context home_;
    bool away_ = false;
  };

  static void freeze_norms(nn::Layer& model) {
    for (nn::Layer* layer : model.all_layers()) {
      if (dynamic_cast<nn::BatchNorm*>(layer) != nullptr) layer->eval();
    }
  }

  static std::string engine_here(const std::string& wanted) {
    const auto engines = int8_engines();
    return std::find(engines.begin(), engines.end(), wanted) != engines.end() ? wanted : choose_engine("auto");
  }

  static void tell(const QatModel& model) {
    const Layout& layout = model.layout();
    const auto count = [&](Role role) {
      std::int64_t layers = 0;
      for (std::size_t leaf = 0; leaf < layout.steps.size(); ++leaf) {
        layers += layout.steps[leaf].role == role && layout.flow.is_first(leaf);
      }
      return layers;
    };
    if (count(Role::Kernel) == 0) {
      throw UserError("quantize: no layer of this model becomes int8",
                      "look at quantize.skip, or train without quantize");
    }
    log::info("training for int8 (" + model.options().engine + ", activations in " +
              (model.options().reduce_range ? "7" : "8") + " bits): " + std::to_string(count(Role::Kernel)) +
              " kernels; " + std::to_string(count(Role::Float)) + " layers stay float32");
  }

  engine::Task& task_;
  const config::QuantizeSection& quantize_;
  engine::Context context_;
  std::vector<std::pair<std::string, std::unique_ptr<QatModel>>> models_;  // as the task's
};

}  // namespace

std::unique_ptr<engine::Companion> qat_companion(engine::Task& task, const config::Recipe& recipe,
                                                 const engine::Context& context) {
  if (recipe.quantize.method != "qat") return nullptr;
  check_settings(recipe);
  return std::make_unique<QatCompanion>(task, recipe, context);
}

bool has_trained_ranges(const data::State& state, const std::string& model_name) {
  return state.has(state_prefix(model_name) + "engine");
}

Int8Plan trained_plan(nn::Layer& model, const std::string& model_name, const nn::Tensors& example,
                      const config::QuantizeSection& quantize, const data::State& state, bool averaged) {
  QatModel trained(model, example, options_of(quantize));
  trained.load(state, state_prefix(model_name));
  Int8Plan plan = trained.plan(averaged);
  plan.engine = choose_engine(quantize.engine);
  return plan;
}

}  // namespace mlrun::quant
