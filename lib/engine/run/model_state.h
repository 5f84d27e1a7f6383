#pragma once

#include <cstdint>
#include <string>

#include "engine/task.h"
#include "weights/safetensors.h"

namespace mlrun::engine {

/// Draws the weights of all models, one after the other from one stream, as upstream does, which seeds once.
void draw_weights(const Models& models, std::uint64_t seed);

/// Weights and buffers of all models by state-dict name; with several models each name is prefixed
/// by its model's (`generator.`). The tensors alias the models'.
weights::NamedTensors model_tensors(const Models& models);

/// Copies tensors named as `model_tensors` names them into the models. Missing, unexpected and
/// mis-shaped names are one UserError about `file`.
void load_model_tensors(const Models& models, const weights::NamedTensors& tensors, const std::string& file);

/// Bytes of all elements.
std::uint64_t byte_count(const weights::NamedTensors& tensors);

}  // namespace mlrun::engine
