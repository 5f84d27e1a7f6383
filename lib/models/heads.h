#pragma once

#include <string>
#include <vector>

#include "nn/layer.h"

namespace mlrun::models {

/// What upstream's models call the parts that put out their answers, auxiliary ones too: children of the root.
const std::vector<std::string>& head_names();

/// The paths of the layers that put out the classes: the last layer with a weight of two or more
/// dimensions (torchvision's classifiers register their head last), and the last of each auxiliary
/// branch (children of the root that begin with `aux`, as in GoogLeNet and Inception).
std::vector<std::string> head_layers(nn::Layer& model);

/// True where the tensor `name` belongs to one of `heads`.
bool in_head(const std::vector<std::string>& heads, const std::string& name);

}  // namespace mlrun::models
