#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quant/convert.h"

/// Post-training quantization.
namespace mlrun::quant {

struct QuantizeOptions {
  std::string engine;                   ///< as choose_engine gives it
  bool reduce_range = false;            ///< activations in 7 bits
  std::string observer = "histogram";   ///< of activations: min_max, moving_average, histogram
  std::string weights = "per_channel";  ///< or per_tensor
  std::vector<std::string> skip;        ///< patterns of layers that stay float
};

/// Finds the ranges of a model's activations from batches that it is shown, with batch norm folded into the
/// convolutions beforehand, as torch.ao's fuse_modules, prepare and convert do. The model stays as it is.
class Calibrator {
 public:
  /// `example`: a batch (all inputs of the model), small will do, of the size that calibrates. UserError for a pattern
  /// that matches nothing.
  Calibrator(nn::Layer& model, const nn::Tensors& example, const QuantizeOptions& options);
  ~Calibrator();

  /// All inputs of the model. UserError where an activation is not finite.
  void observe(const nn::Tensors& batch);

  /// The int8 model that the ranges so far give. UserError where there were no batches or all values were the same.
  Int8Plan plan() const;

  const Layout& layout() const { return layout_; }
  /// The scale of each site of the layout.
  std::vector<Affine> ranges() const;

 private:
  class Door;
  struct Range {
    double low = 0, high = 0;
  };

  nn::Layer& model_;
  QuantizeOptions options_;
  Layout layout_;
  std::vector<std::unique_ptr<Observer>> observers_;  // one for each site; null where it is fixed
  std::map<const nn::Layer*, nn::FoldedConv> folded_;
  std::vector<std::optional<Range>> inputs_;  // of each of the model's
  bool fed_ = false;
};

/// Weights of linear layers become int8, activations on the fly, as torch.ao.quantization.quantize_dynamic does:
/// nothing to calibrate. `options.observer` has no meaning.
Int8Plan quantize_dynamic(nn::Layer& model, const nn::Tensors& example, const QuantizeOptions& options);

}  // namespace mlrun::quant
