#pragma once

#include "optim/optimizer.h"

/// What each update rule adds to the list of optimizers.
namespace mlrun::optim {

void add_sgd(OptimizerFactory& factory);
void add_adam(OptimizerFactory& factory);  ///< `adam` and `adamw`
void add_rmsprop(OptimizerFactory& factory);

}  // namespace mlrun::optim
