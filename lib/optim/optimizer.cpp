#include "optim/optimizer.h"

#include "optim/methods.h"

namespace mlrun::optim {

void Optimizer::zero_grad() {
  for (const auto& item : parameters_) {
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
