#pragma once

#include <string>
#include <vector>

#include "nn/layer.h"

namespace mlrun::models {

/// What published files call heads that training alone runs, and that models may leave out.
inline constexpr const char* kAuxiliaryHeads[] = {"aux1", "aux2", "AuxLogits", "aux_classifier"};

/// The paths of the layers that put out the answers: of each part that the model calls a head (`nn::Layer::heads`) the
/// last layer with a weight of two or more dimensions, and the norms behind it; of a model that names none, its last
/// such layer.
std::vector<std::string> head_layers(nn::Layer& model);

/// True where the tensor `name` belongs to one of `heads`.
bool in_head(const std::vector<std::string>& heads, const std::string& name);

}  // namespace mlrun::models
