#include <array>
#include <numeric>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/attention.h"
#include "nn/branches.h"
#include "nn/init.h"
#include "nn/meta.h"
#include "nn/norm.h"

/// Liu et al., "A ConvNet for the 2020s", CVPR 2022, as torchvision builds it.
namespace mlrun::models {
namespace {

/// What distinguishes the family's members, stage by stage.
struct ConvnextTable {
  std::array<int64_t, 4> channels, blocks;
  double stochastic_depth;  ///< of the last block, by default
};

constexpr ConvnextTable kConvnextTiny{{96, 192, 384, 768}, {3, 3, 9, 3}, 0.1};
constexpr ConvnextTable kConvnextSmall{{96, 192, 384, 768}, {3, 3, 27, 3}, 0.4};
constexpr ConvnextTable kConvnextBase{{128, 256, 512, 1024}, {3, 3, 27, 3}, 0.5};
constexpr ConvnextTable kConvnextLarge{{192, 384, 768, 1536}, {3, 3, 27, 3}, 0.5};

constexpr double kConvnextEps = 1e-6;  // of the layer norms

struct ConvnextOptions {
  std::optional<int64_t> num_classes;
  std::optional<double> stochastic_depth_prob;
  double layer_scale = 1e-6;

  static void declare(config::Declare<ConvnextOptions>& d) {
    d("num_classes", &ConvnextOptions::num_classes, kNumClassesHelp).min(1);
    d("stochastic_depth_prob", &ConvnextOptions::stochastic_depth_prob,
      "probability of dropping the last block, rising linearly from 0 at the first; null: as published, 0.1 (tiny), "
      "0.4 (small), 0.5 (base, large)")
        .min(0)
        .max(1);
    d("layer_scale", &ConvnextOptions::layer_scale, "initial factor on the channels of each block's branch");
  }
};

/// Depthwise convolution and a pointwise MLP over channels-last pixels, scaled, beside a shortcut.
class ConvnextBlock : public nn::UnaryLayer {
 public:
  ConvnextBlock(int64_t channels, double initial_scale, double stochastic_depth)
      : UnaryLayer("CNBlock"), initial_scale_(initial_scale) {
    layer_scale_ = register_parameter("layer_scale", torch::empty({channels, 1, 1}));
    block_ = add("block", std::make_shared<nn::Sequential>());
    block_->push(std::make_shared<nn::Conv2d>(
        nn::Conv2dOptions{.in = channels, .out = channels, .kernel = 7, .padding = 3, .groups = channels}));
    block_->push(std::make_shared<nn::Permute>(std::vector<int64_t>{0, 2, 3, 1}));
    block_->push(std::make_shared<nn::LayerNorm>(channels, kConvnextEps));
    block_->push(std::make_shared<nn::Linear>(channels, 4 * channels));
    block_->push(std::make_shared<nn::Activation>(nn::Act::Gelu));
    block_->push(std::make_shared<nn::Linear>(4 * channels, channels));
    block_->push(std::make_shared<nn::Permute>(std::vector<int64_t>{0, 3, 1, 2}));
    scale_ = add("scale", std::make_shared<nn::Mul>());
    stochastic_depth_ = add("stochastic_depth", std::make_shared<nn::StochasticDepth>(stochastic_depth));
    add_ = add("add", std::make_shared<nn::Add>());
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor x = call(*block_, input);
    const torch::Tensor scaled = call(*scale_, x, nn::beside(x, layer_scale_));
    return call(*add_, call(*stochastic_depth_, scaled), input);
  }

  bool is_block() const override { return true; }

  void reset() override {
    block_->reset();
    torch::NoGradGuard no_grad;
    layer_scale_.fill_(initial_scale_);
  }

 private:
  double initial_scale_;
  torch::Tensor layer_scale_;  ///< [channels, 1, 1]
  std::shared_ptr<nn::Sequential> block_;
  std::shared_ptr<nn::Mul> scale_;
  std::shared_ptr<nn::StochasticDepth> stochastic_depth_;
  std::shared_ptr<nn::Add> add_;
};

std::shared_ptr<nn::Layer> convnext_stem(int64_t channels, int64_t width) {
  auto stem = std::make_shared<nn::Sequential>("Conv2dNormActivation");
  stem->push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = channels, .out = width, .kernel = 4, .stride = 4}));
  stem->push(std::make_shared<nn::LayerNorm2d>(width, kConvnextEps));
  return stem;
}

std::shared_ptr<nn::Layer> convnext_halving(int64_t in, int64_t out) {
  auto layers = std::make_shared<nn::Sequential>();
  layers->push(std::make_shared<nn::LayerNorm2d>(in, kConvnextEps));
  layers->push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = out, .kernel = 2, .stride = 2}));
  return layers;
}

/// Patches of 4x4, four stages with a halving of the size between them.
void push_convnext_features(Network& network, const ConvnextTable& table, const ConvnextOptions& options,
                            int64_t channels) {
  int64_t stride = 4;
  network.push(convnext_stem(channels, table.channels[0]), table.channels[0], stride);
  const double depth = options.stochastic_depth_prob.value_or(table.stochastic_depth);
  const int64_t blocks = std::accumulate(table.blocks.begin(), table.blocks.end(), int64_t{0});
  int64_t index = 0;
  for (std::size_t i = 0; i < table.blocks.size(); ++i) {
    const int64_t width = table.channels[i];
    if (i > 0) {
      stride *= 2;
      network.push(convnext_halving(table.channels[i - 1], width), width, stride);
    }
    auto stage = std::make_shared<nn::Sequential>();
    for (int64_t n = 0; n < table.blocks[i]; ++n, ++index) {
      const double p = depth * static_cast<double>(index) / static_cast<double>(blocks - 1);
      stage->push(std::make_shared<ConvnextBlock>(width, options.layer_scale, p));
    }
    network.push(std::move(stage), width, stride);
  }
  network.mark_strides();
}

/// Features, mean, norm, linear.
Network convnext(const ConvnextTable& table, const ConvnextOptions& options, const ModelRequest& request) {
  Network network{.type = "ConvNeXt", .container = "features"};
  push_convnext_features(network, table, options, request.inputs);
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  auto classifier = std::make_shared<nn::Sequential>();
  const int64_t width = table.channels.back();
  classifier->push(std::make_shared<nn::LayerNorm2d>(width, kConvnextEps));
  classifier->push(std::make_shared<nn::Flatten>());
  classifier->push(std::make_shared<nn::Linear>(width, outputs(options.num_classes, request)));
  network.push_head("classifier", std::move(classifier));
  network.second_pass = [](nn::Layer& root) { nn::init::redraw_truncated(root, 0.02, true); };
  return network;
}

void add_convnext(ModelFactory& factory, const std::string& name, const std::string& description,
                  const ConvnextTable& table) {
  factory.add<ConvnextOptions>(
      name, description,
      [&table](const ConvnextOptions& options, const ModelRequest& request) {
        return build_whole(convnext(table, options, request));
      },
      published_facts(name));
}

void add_convnext_body(BodyFactory& factory, const std::string& name, const ConvnextTable& table) {
  factory.add<config::NoOptions>(
      name, name,
      [&table](const config::NoOptions&, const BodyRequest& request) {
        return convnext(table, {}, {BodyRequest::kOutputs, request.inputs});
      },
      body_facts(/*norms=*/false));
}

}  // namespace

void add_convnexts(ModelFactory& factory) {
  add_convnext(factory, "convnext_tiny", "ConvNeXt-T: a convolutional network in the manner of Swin", kConvnextTiny);
  add_convnext(factory, "convnext_small", "ConvNeXt-S: a convolutional network in the manner of Swin", kConvnextSmall);
  add_convnext(factory, "convnext_base", "ConvNeXt-B: a convolutional network in the manner of Swin", kConvnextBase);
  add_convnext(factory, "convnext_large", "ConvNeXt-L: a convolutional network in the manner of Swin", kConvnextLarge);
}

void add_convnext_bodies(BodyFactory& factory) {
  add_convnext_body(factory, "convnext_tiny", kConvnextTiny);
  add_convnext_body(factory, "convnext_small", kConvnextSmall);
  add_convnext_body(factory, "convnext_base", kConvnextBase);
  add_convnext_body(factory, "convnext_large", kConvnextLarge);
}

}  // namespace mlrun::models
