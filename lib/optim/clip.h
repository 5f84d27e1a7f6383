#pragma once

#include <optional>

#include "config/recipe.h"
#include "optim/optimizer.h"

namespace mlrun::optim {

/// The L2 norm of all gradients together; 0 where no parameter has a gradient.
double grad_norm(const NamedTensors& parameters);

/// Scales all gradients so that their L2 norm, taken over all of them together, is at most
/// `max_norm`: by max_norm / (norm + 1e-6) where that is below 1, as torch.nn.utils.clip_grad_norm_.
/// Returns the norm before clipping, 0 where no parameter has a gradient. Where the norm is NaN or
/// infinite the gradients are left as they are: the caller must look at what it gets.
double clip_grad_norm(const NamedTensors& parameters, double max_norm);

/// Limits each element of every gradient to [-max_value, max_value]; NaN stays.
void clip_grad_value(const NamedTensors& parameters, double max_value);

/// Adaptive gradient clipping (Brock et al., "High-performance large-scale image recognition without
/// normalization", 2021): where the norm of a unit's gradient is above `factor` times the norm of its
/// weights (taken as at least `eps`), the gradient is scaled down to that. Units are the rows along a
/// parameter's first dimension; a vector or scalar is one unit. As the paper says (and timm does), the
/// last layer, the head, is left out: the parameters beside `parameters.back()`.
void clip_grad_adaptive(const NamedTensors& parameters, double factor, double eps = 1e-3);

/// What a recipe's `train.clip_...` ask for, of which at most one is set.
struct Clipping {
  std::optional<double> norm, value, agc;

  static Clipping of(const config::TrainSection& train);
  /// Clips, and returns the norm of all gradients before. Where that is not finite, nothing is
  /// clipped: the update must be left out.
  double apply(const NamedTensors& parameters) const;
};

}  // namespace mlrun::optim
