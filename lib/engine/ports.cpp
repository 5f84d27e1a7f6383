#include "engine/ports.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <torch/utils.h>

#include "base/error.h"
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

void require_plain_model(const engine::Task& task, const std::string& what) {
  if (task.models().size() != 1) {
    throw UserError("a task with " + std::to_string(task.models().size()) + " models cannot be " + what,
                    "its parts have no form of their own");
  }
  const nn::Interface interface = task.models().front().second->interface();
  const auto lasting = [](const nn::Port& port) { return !port.training_only; };
  const auto outputs = std::count_if(interface.outputs.begin(), interface.outputs.end(), lasting);
  if (interface.inputs.size() == 1 && !interface.inputs[0].ragged && outputs == 1 && !interface.outputs[0].ragged)
    return;
  throw UserError("a model that takes or gives more than one tensor cannot be " + what,
                  "only models from one tensor to one can");
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
