#pragma once

#include <cstdint>

/// The update rules as single passes over raw memory: each element of a parameter is read and
/// written once, with its gradient and its state. Free of LibTorch, so that this one file can be
/// compiled with the flags that vectorise it best. `Scalar` is float or double; the arithmetic is
/// done in it, in the order of torch.optim's operators.
namespace mlrun::optim {

/// One SGD update; https://pytorch.org/docs/1.13/generated/torch.optim.SGD.html.
struct SgdUpdate {
  double lr = 0;
  double weight_decay = 0;
  double momentum = 0;  ///< 0: `buffer` is not touched and may be null
  double decay = 0;     ///< of the buffer: `momentum`, but 0 in the first update
  double gain = 1;      ///< of the gradient in the buffer: 1 - dampening, but 1 in the first update
  bool nesterov = false;
};

template <class Scalar>
void sgd_pass(std::int64_t size, Scalar* parameter, const Scalar* gradient, Scalar* buffer, const SgdUpdate& update);

/// One Adam or AdamW update; https://pytorch.org/docs/1.13/generated/torch.optim.Adam.html.
struct AdamUpdate {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double step_size = 0;     ///< lr / (1 - beta1^t)
  double correction = 1;    ///< sqrt(1 - beta2^t)
  double weight_decay = 0;  ///< added to the gradient (L2)
  double shrink = 1;        ///< factor on the parameter before the update: AdamW's 1 - lr * weight_decay
};

/// `largest` is amsgrad's running maximum of `second`; null: not amsgrad.
template <class Scalar>
void adam_pass(std::int64_t size, Scalar* parameter, const Scalar* gradient, Scalar* first, Scalar* second,
               Scalar* largest, const AdamUpdate& update);

/// One RMSprop update; https://pytorch.org/docs/1.13/generated/torch.optim.RMSprop.html. TensorFlow's
/// has its epsilon inside the square root and the rate inside the momentum.
struct RmspropUpdate {
  double lr = 0;
  double alpha = 0.99;
  double eps = 1e-8;     ///< outside the square root
  double inner_eps = 0;  ///< inside it
  double weight_decay = 0;
  double momentum = 0;
  double gain = 1;  ///< of the normalised gradient in the momentum
};

/// `mean` is null unless centered, `buffer` is null without momentum.
template <class Scalar>
void rmsprop_pass(std::int64_t size, Scalar* parameter, const Scalar* gradient, Scalar* square, Scalar* mean,
                  Scalar* buffer, const RmspropUpdate& update);

/// Summed in float64.
double sum_of_squares(std::int64_t size, const float* values);

}  // namespace mlrun::optim
