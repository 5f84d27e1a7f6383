#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "quant/convert.h"
#include "quant/fake_quantizer.h"

namespace mlrun::quant {

class QatDoor;

struct QatOptions {
  std::string engine;                   ///< as choose_engine gives it
  bool reduce_range = false;            ///< activations in 7 bits
  std::string weights = "per_channel";  ///< or per_tensor
  std::vector<std::string> skip;        ///< patterns of layers that stay float
};

/// A model that computes as its int8 copy will, in float and with gradients, while this object's door is installed in
/// it: torch.ao's prepare_qat. Activations are rounded where the int8 model (`Layout`) makes integers of them; a
/// convolution with batch norm has its weight scaled as it will be folded, rounded, and the result scaled back before
/// batch norm (torch.ao's ConvBn2d). The model's own parameters stay what they are.
class QatModel : public data::Stateful {
 public:
  /// `example`: a batch (all inputs of the model), small will do, where the model's parameters are. UserError for a
  /// pattern that matches nothing.
  QatModel(nn::Layer& model, const nn::Tensors& example, const QatOptions& options);
  ~QatModel() override;

  nn::Layer& model() const { return model_; }
  nn::Interceptor& door();
  /// Whether ranges follow what comes by.
  void observe(bool on) { observes_ = on; }

  /// The int8 model of the weights as they are and the ranges so far. `averaged`: the weights are an average, whose
  /// ranges are their own and not the training's. The model is on the CPU. UserError before anything was seen.
  Int8Plan plan(bool averaged = false) const;

  const Layout& layout() const { return layout_; }
  const QatOptions& options() const { return options_; }
  const FakeQuantizer& activation(std::size_t site) const { return *activations_.at(site); }
  const FakeQuantizer& weight(const nn::Layer& layer) const { return *weights_.at(&layer); }

  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  void make_quantizers();
  std::string site_name(std::size_t site) const;

  nn::Layer& model_;
  QatOptions options_;
  Layout layout_;
  bool observes_ = true;
  std::vector<std::unique_ptr<FakeQuantizer>> activations_;  // one for each site; null where it is fixed
  std::map<const nn::Layer*, std::unique_ptr<FakeQuantizer>> weights_;
  std::unique_ptr<QatDoor> door_;
};

}  // namespace mlrun::quant
