#pragma once

#include <memory>
#include <string>

#include "config/recipe.h"
#include "data/state.h"
#include "engine/train/companion.h"
#include "nn/layer.h"
#include "quant/plan.h"

namespace mlrun::quant {

/// What `quantize: qat` of a recipe adds to a training (an engine::MakeCompanion): fake-quantized steps, `int8_`
/// figures of the converted copy. Null for every other `quantize`. UserError for settings that do not go with it.
std::unique_ptr<engine::Companion> qat_companion(engine::Task& task, const config::Recipe& recipe,
                                                 const engine::Context& context);

/// Whether a checkpoint's state is of a training with `quantize: qat`.
bool has_trained_ranges(const data::State& state, const std::string& model_name);

/// The int8 model of a checkpoint of such a training: `model` has its weights (those of the checkpoint, or `averaged`
/// ones), is on the CPU, and has `model_name` among the task's models; `example` is a batch for it (all its inputs),
/// `quantize` the run's, with the engine that is wanted now. Nothing is calibrated.
Int8Plan trained_plan(nn::Layer& model, const std::string& model_name, const nn::Tensors& example,
                      const config::QuantizeSection& quantize, const data::State& state, bool averaged = false);

}  // namespace mlrun::quant
