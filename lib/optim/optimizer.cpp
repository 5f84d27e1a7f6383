#include "optim/optimizer.h"

#include "base/error.h"
#include "optim/methods.h"

namespace mlrun::optim {

Optimizer::Optimizer(Parameters parameters) : parameters_(std::move(parameters)) {
  MLRUN_ASSERT(parameters_.treatments.size() == parameters_.tensors.size(), "every parameter has a treatment");
}

void Optimizer::zero_grad() {
  for (const auto& item : parameters_.tensors) {
    if (item.second.grad().defined()) item.second.mutable_grad().reset();
  }
}

const OptimizerFactory& optimizers() {
  static const OptimizerFactory factory = [] {
    OptimizerFactory list("optimizer");
    add_sgd(list);
    add_adam(list);
    add_rmsprop(list);
    return list;
  }();
  return factory;
}

}  // namespace mlrun::optim
