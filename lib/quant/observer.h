#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <torch/types.h>

#include "data/state.h"

/// What range tensors have, and the scale that brings it to int8: torch.ao.quantization's observers, to the bit.
namespace mlrun::quant {

/// The integers that values become.
struct Target {
  torch::ScalarType dtype = torch::kQUInt8;  ///< or kQInt8
  std::int64_t quant_min = 0;                ///< 0 of activations, -128 of weights
  std::int64_t quant_max = 255;              ///< 127 with reduced range, and of weights
  bool symmetric = false;                    ///< zero point in the middle
};

Target activation_target(bool reduce_range);
Target weight_target();

/// real = (integer - zero_point) * scale. Per tensor both have no dimensions, per channel one.
struct Affine {
  torch::Tensor scale;       ///< float32
  torch::Tensor zero_point;  ///< int64
};

/// The affine map of a range, zero included: 0-dimensional ends per tensor, [channels] per channel.
Affine affine_of(const torch::Tensor& least, const torch::Tensor& most, const Target& target);

/// Collects the range of the tensors that it is shown.
class Observer : public data::Stateful {
 public:
  explicit Observer(const Target& target) : target_(target) {}
  /// Takes in float values of any shape; none at all change nothing. UserError where some are not finite.
  virtual void observe(const torch::Tensor& values) = 0;
  /// False until it was shown something.
  virtual bool ready() const = 0;
  /// What the range found so far amounts to.
  virtual Affine affine() const = 0;
  const Target& target() const { return target_; }

 private:
  Target target_;
};

/// What `observer` found. UserError that names the layer where it was never shown anything, and where the range is too
/// wide for float32.
Affine found_affine(const Observer& observer, const std::string& layer);

/// `min_max`, `moving_average` or `histogram`, of a whole tensor.
std::unique_ptr<Observer> make_activation_observer(const std::string& kind, const Target& target);
/// Of weights: `per_channel` (along axis 0) or `per_tensor`; `moving`: moving averages of the ends, as
/// quantization-aware training wants them.
std::unique_ptr<Observer> make_weight_observer(const std::string& kind, bool moving);

}  // namespace mlrun::quant
