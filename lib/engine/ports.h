#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "data/fields.h"
#include "engine/task.h"
#include "nn/layer.h"

/// Between the fields of a task, which have names, and the tensors at a model's door, which have places.
namespace mlrun::engine {

/// What `model` takes: of each of its input ports the field of that name, a ragged one as a list with a tensor
/// [rows, ...] for each sample. InternalError for a field that `inputs` lack.
nn::Tensors port_tensors(const nn::Layer& model, const data::Fields& inputs);

/// What `model` put out, under the names of its output ports. Further tensors are an InternalError.
data::Fields port_fields(const nn::Layer& model, const nn::Tensors& outputs);

/// The fields at the output ports of `model` for those at its input ports.
data::Fields run_model(nn::Layer& model, const data::Fields& inputs);

/// The task's model `name`; InternalError where it has none.
nn::Layer& model_named(const Models& models, const std::string& name);

/// The model that `wanted` names; empty: the only one. UserError with the names there are.
const std::pair<std::string, std::shared_ptr<nn::Layer>>& chosen_model(const Models& models, const std::string& wanted);

/// What the task gives each of its models of `batch` when it predicts, by the models' names: copies of the tensors at
/// their doors. Every model must run in a prediction: UserError that names the one that does not.
std::map<std::string, nn::Tensors> model_inputs(Task& task, const data::Batch& batch);

}  // namespace mlrun::engine
