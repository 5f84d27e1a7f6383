#include "models/detection/fpn.h"

#include <utility>

#include "base/error.h"
#include "nn/init.h"

namespace mlrun::models {
namespace {

std::shared_ptr<nn::Sequential> pyramid_conv(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                             const std::optional<nn::NormOptions>& norm) {
  auto block = std::make_shared<nn::Sequential>("Conv2dNormActivation");
  block->push(std::make_shared<nn::Conv2d>(
      nn::Conv2dOptions{.in = in, .out = out, .kernel = kernel, .padding = (kernel - 1) / 2, .bias = !norm}));
  if (norm) block->push(nn::make_norm(out, *norm));
  return block;
}

/// Upstream's second pass over what it made of a pyramid.
void redraw_pyramid(nn::Layer& root) {
  const torch::NoGradGuard no_grad;
  for (nn::Layer* layer : root.all_layers()) {
    auto* conv = dynamic_cast<nn::Conv2d*>(layer);
    if (conv == nullptr) continue;
    nn::init::kaiming_uniform(conv->weight, 1);
    if (conv->bias.defined()) conv->bias.zero_();
  }
}

/// The coarsest map and level to the two maps after them.
class P6P7 : public nn::Layer {
 public:
  P6P7(std::int64_t in, std::int64_t out, bool of_level) : Layer("LastLevelP6P7"), of_level_(of_level) {
    const nn::Conv2dOptions halve{.in = in, .out = out, .kernel = 3, .stride = 2, .padding = 1};
    p6_ = add("p6", std::make_shared<nn::Conv2d>(halve));
    nn::Conv2dOptions again = halve;
    again.in = out;
    p7_ = add("p7", std::make_shared<nn::Conv2d>(again));
    relu_ = add("relu", std::make_shared<nn::Activation>(nn::Act::Relu, /*inplace=*/false));
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    const torch::Tensor p6 = call(*p6_, inputs.at(of_level_ ? 1 : 0));
    return {p6, call(*p7_, call(*relu_, p6))};
  }
  void reset() override {
    Layer::reset();
    redraw_pyramid(*this);
  }

 private:
  bool of_level_;
  std::shared_ptr<nn::Conv2d> p6_, p7_;
  std::shared_ptr<nn::Activation> relu_;
};

std::shared_ptr<nn::Layer> extra_blocks(const PyramidOptions& options) {
  switch (options.extra) {
    case PyramidExtra::None: return nullptr;
    case PyramidExtra::Pool:
      return std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 1, .stride = 2, .padding = 0});
    case PyramidExtra::P6P7: break;
  }
  const std::int64_t in = options.extra_of_level ? options.in.back() : options.out;
  return std::make_shared<P6P7>(in, options.out, options.extra_of_level);
}

PyramidOptions on_levels(PyramidOptions options, const Backbone& backbone) {
  options.in.clear();
  for (const Level& level : backbone.levels) options.in.push_back(level.channels);
  return options;
}

}  // namespace

FeaturePyramid::FeaturePyramid(const PyramidOptions& options) : Layer("FeaturePyramidNetwork"), options_(options) {
  MLRUN_ASSERT(!options.in.empty(), "a pyramid of no levels");
  inner_blocks_ = add("inner_blocks", std::make_shared<nn::Sequential>("ModuleList"));
  layer_blocks_ = add("layer_blocks", std::make_shared<nn::Sequential>("ModuleList"));
  for (const std::int64_t in : options.in) {
    inner_blocks_->push(pyramid_conv(in, options.out, 1, options.norm));
    layer_blocks_->push(pyramid_conv(options.out, options.out, 3, options.norm));
  }
  if (auto extra = extra_blocks(options)) extra_blocks_ = add("extra_blocks", std::move(extra));
  resize_ = add("interpolate", std::make_shared<nn::Interpolate>(nn::InterpolateMode::Nearest));
  add_ = add("add", std::make_shared<nn::Add>());
}

nn::Tensors FeaturePyramid::forward(const nn::Tensors& levels) {
  MLRUN_ASSERT(levels.size() == options_.in.size(), "other levels than the pyramid was made for");
  nn::Tensors maps(levels.size());
  torch::Tensor inner;
  for (std::size_t i = levels.size(); i-- > 0;) {
    const torch::Tensor lateral = call(*inner_blocks_->steps()[i], levels[i]);
    inner = inner.defined() ? call(*add_, lateral, call(*resize_, inner, lateral)) : lateral;
    maps[i] = call(*layer_blocks_->steps()[i], inner);
  }
  if (options_.extra == PyramidExtra::Pool) maps.push_back(call(*extra_blocks_, maps.back()));
  if (options_.extra == PyramidExtra::P6P7) {
    for (auto& map : call(*extra_blocks_, nn::Tensors{maps.back(), levels.back()})) maps.push_back(std::move(map));
  }
  return maps;
}

void FeaturePyramid::reset() {
  if (extra_blocks_) extra_blocks_->reset();
  for (std::size_t i = 0; i < options_.in.size(); ++i) {
    inner_blocks_->steps()[i]->reset();
    layer_blocks_->steps()[i]->reset();
  }
  redraw_pyramid(*inner_blocks_);
  redraw_pyramid(*layer_blocks_);
}

std::size_t FeaturePyramid::maps() const {
  constexpr std::size_t kMore[] = {0, 1, 2};
  return options_.in.size() + kMore[static_cast<std::size_t>(options_.extra)];
}

PyramidBackbone::PyramidBackbone(const Backbone& backbone, PyramidOptions options)
    : Layer("BackboneWithFPN"), channels_(options.out) {
  body_ = add("body", backbone.body);
  fpn_ = add("fpn", std::make_shared<FeaturePyramid>(on_levels(std::move(options), backbone)));
}

nn::Tensors PyramidBackbone::forward(const nn::Tensors& inputs) { return call(*fpn_, call(*body_, inputs)); }

}  // namespace mlrun::models
