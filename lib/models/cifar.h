#pragma once

#include <optional>

#include "base/json.h"
#include "nn/layer.h"

/// The networks for 32 px images of Izmailov et al., "Averaging Weights Leads to Wider Optima and
/// Better Generalization", UAI 2018, under the state-dict names of https://github.com/timgaripov/swa.
/// Before the last layers stands a mean over the whole map: at 32 pixels what upstream does, and
/// other sizes run too.
namespace mlrun::models {

/// What the registry says of such a model; `acc1` (percent) is the paper's for CIFAR-10 with SGD.
Json cifar_facts(std::optional<double> acc1, int64_t min_size);

/// Their second pass: convolutions normal by the fan-out of all their channels, biases zero.
void redraw_cifar(nn::Layer& root);

}  // namespace mlrun::models
