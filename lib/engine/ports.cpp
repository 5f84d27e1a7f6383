#include "engine/ports.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <torch/utils.h>

#include "base/error.h"
#include "config/words.h"
#include "nn/evaluation_scope.h"

namespace mlrun::engine {
namespace {

void add_ragged(const data::Value& value, const nn::Port& port, nn::Tensors& tensors) {
  const auto* list = std::get_if<nn::Tensors>(&value);
  MLRUN_ASSERT(list != nullptr && !list->empty(), "the ragged port '" + port.name + "' wants a list of tensors");
  std::vector<std::int64_t> counts;
  for (const auto& rows : *list) counts.push_back(rows.size(0));
  tensors.push_back(torch::cat(*list));
  tensors.push_back(torch::tensor(counts, torch::kLong));
}

nn::Tensors split_rows(const torch::Tensor& rows, const torch::Tensor& counts) {
  const torch::Tensor sizes = counts.to(torch::kCPU, torch::kLong).contiguous();
  const auto* size = sizes.data_ptr<std::int64_t>();
  return rows.split_with_sizes(torch::IntArrayRef(size, static_cast<std::size_t>(sizes.numel())));
}

/// All models were seen: the rest of the prediction is not wanted.
struct AllSeen {};

/// Keeps what models were given first, until there is something of each.
class InputCatcher : public nn::Interceptor {
 public:
  explicit InputCatcher(const Models& models) : models_(models) {}

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    for (const auto& [name, model] : models_) {
      if (model.get() != &layer || caught.count(name) != 0) continue;
      for (const auto& input : inputs) caught[name].push_back(input.detach().clone());  // what follows may be in place
      if (caught.size() == models_.size()) throw AllSeen();
    }
    return proceed(inputs);
  }

  std::map<std::string, nn::Tensors> caught;

 private:
  const Models& models_;
};

}  // namespace

nn::Tensors port_tensors(const nn::Layer& model, const data::Fields& inputs) {
  nn::Tensors tensors;
  for (const nn::Port& port : model.interface().inputs) {
    if (port.ragged) add_ragged(inputs.at(port.name), port, tensors);
    else tensors.push_back(inputs.tensor(port.name));
  }
  return tensors;
}

data::Fields port_fields(const nn::Layer& model, const nn::Tensors& outputs) {
  data::Fields fields;
  std::size_t at = 0;
  for (const nn::Port& port : model.interface().outputs) {
    if (at == outputs.size() && port.training_only) break;
    if (port.ragged) fields.set(port.name, split_rows(outputs.at(at), outputs.at(at + 1)));
    else fields.set(port.name, outputs.at(at));
    at += port.ragged ? 2 : 1;
  }
  MLRUN_ASSERT(at == outputs.size(), model.type() + " puts out more than its ports say");
  return fields;
}

data::Fields run_model(nn::Layer& model, const data::Fields& inputs) {
  return port_fields(model, model.run(port_tensors(model, inputs)));
}

nn::Layer& model_named(const Models& models, const std::string& name) {
  const auto found = std::find_if(models.begin(), models.end(), [&name](const auto& m) { return m.first == name; });
  MLRUN_ASSERT(found != models.end(), "the task has no model '" + name + "'");
  return *found->second;
}

const std::pair<std::string, std::shared_ptr<nn::Layer>>& chosen_model(const Models& models,
                                                                       const std::string& wanted) {
  if (wanted.empty() && models.size() == 1) return models.front();
  std::vector<std::string> names;
  for (const auto& model : models) {
    if (model.first == wanted) return model;
    names.push_back(model.first);
  }
  if (!wanted.empty()) {
    const std::string guess = config::did_you_mean(wanted, names);
    throw UserError("--submodel: this task has no model '" + wanted + "'",
                    guess.empty() ? "choose " + config::any_of(names) : guess);
  }
  throw UserError("this task has " + std::to_string(models.size()) + " models",
                  "name one: --submodel " + config::any_of(names));
}

std::map<std::string, nn::Tensors> model_inputs(Task& task, const data::Batch& batch) {
  const torch::NoGradGuard no_gradients;
  InputCatcher catcher(task.models());
  {
    std::vector<std::unique_ptr<nn::EvaluationScope>> evaluation;
    std::vector<std::unique_ptr<nn::InterceptorScope>> scopes;
    for (const auto& model : task.models()) {
      evaluation.push_back(std::make_unique<nn::EvaluationScope>(*model.second));
      scopes.push_back(std::make_unique<nn::InterceptorScope>(*model.second, catcher));
    }
    try {
      task.predict(batch);
    } catch (const AllSeen&) {}
    while (!scopes.empty()) scopes.pop_back();  // each restores what it found
  }
  for (const auto& model : task.models()) {
    if (catcher.caught.count(model.first) != 0) continue;
    throw UserError("the model '" + model.first + "' of this task takes no part in predictions",
                    "there is nothing to give it alone");
  }
  return std::move(catcher.caught);
}

}  // namespace mlrun::engine
