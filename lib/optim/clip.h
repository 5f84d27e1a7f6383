#pragma once

#include "optim/optimizer.h"

namespace mlrun::optim {

/// The L2 norm of all gradients together; 0 where no parameter has a gradient.
double grad_norm(const NamedTensors& parameters);

/// Scales all gradients so that their L2 norm, taken over all of them together, is at most
/// `max_norm`: by max_norm / (norm + 1e-6) where that is below 1, as torch.nn.utils.clip_grad_norm_.
/// Returns the norm before clipping, 0 where no parameter has a gradient. Where the norm is NaN or
/// infinite the gradients are left as they are: the caller must look at what it gets.
double clip_grad_norm(const NamedTensors& parameters, double max_norm);

}  // namespace mlrun::optim
