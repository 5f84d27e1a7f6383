#include <vector>

#include "models/architectures.h"
#include "models/network.h"
#include "nn/init.h"
#include "nn/layers.h"

/// Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, as torchvision builds it.
namespace mlrun::models {
namespace {

/// The members of the family differ in the defaults of the first three.
struct DensenetOptions {
  int64_t growth_rate = 32;
  std::vector<int64_t> block_config = {6, 12, 24, 16};
  int64_t num_init_features = 64;
  std::optional<int64_t> num_classes{};
  int64_t bn_size = 4;
  double drop_rate = 0;

  static void declare(config::Declare<DensenetOptions>& d) {
    d("num_classes", &DensenetOptions::num_classes, kNumClassesHelp).min(1);
    d("growth_rate", &DensenetOptions::growth_rate, "channels that each layer adds").min(1).max(1024);
    d("block_config", &DensenetOptions::block_config, "layers in each of the four blocks").min(1).max(512).length(4);
    d("num_init_features", &DensenetOptions::num_init_features, "channels of the first convolution").min(2).max(4096);
    d("bn_size", &DensenetOptions::bn_size, "channels of the bottlenecks, as a multiple of growth_rate").min(1).max(64);
    d("drop_rate", &DensenetOptions::drop_rate, "probability of dropout after each layer").min(0).below(1);
  }
};

/// From all that the block has made so far, `growth_rate` further channels.
class DenseLayer : public nn::Layer {
 public:
  DenseLayer(int64_t in, const DensenetOptions& o, const nn::NormOptions& norm) : Layer("_DenseLayer") {
    const int64_t width = o.bn_size * o.growth_rate;
    concat_ = add("concat", std::make_shared<nn::Concat>());
    push("1", in, width, 1, norm);
    push("2", width, o.growth_rate, 3, norm);
    if (o.drop_rate > 0) steps_.push_back(add("dropout", std::make_shared<nn::Dropout>(o.drop_rate)));
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    torch::Tensor x = call(*concat_, inputs).front();
    for (const auto& step : steps_) x = call(*step, x);
    return {x};
  }
  bool is_block() const override { return true; }

 private:
  void push(const std::string& number, int64_t in, int64_t out, int64_t kernel, const nn::NormOptions& norm) {
    const nn::Conv2dOptions conv{.in = in, .out = out, .kernel = kernel, .padding = kernel / 2, .bias = false};
    steps_.push_back(add("norm" + number, nn::make_norm(in, norm)));
    steps_.push_back(add("relu" + number, std::make_shared<nn::Activation>(nn::Act::Relu)));
    steps_.push_back(add("conv" + number, std::make_shared<nn::Conv2d>(conv)));
  }

  std::shared_ptr<nn::Concat> concat_;
  std::vector<std::shared_ptr<nn::Layer>> steps_;
};

class DenseBlock : public nn::UnaryLayer {
 public:
  DenseBlock(int64_t layers, int64_t in, const DensenetOptions& o, const nn::NormOptions& norm)
      : UnaryLayer("_DenseBlock") {
    for (int64_t i = 0; i < layers; ++i) {
      layers_.push_back(
          add("denselayer" + std::to_string(i + 1), std::make_shared<DenseLayer>(in + i * o.growth_rate, o, norm)));
    }
    concat_ = add("concat", std::make_shared<nn::Concat>());
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    nn::Tensors made{input};
    for (const auto& layer : layers_) made.push_back(call(*layer, made).front());
    return call(*concat_, made).front();
  }

 private:
  std::vector<std::shared_ptr<DenseLayer>> layers_;
  std::shared_ptr<nn::Concat> concat_;
};

/// Half the channels and half the size.
std::shared_ptr<nn::Sequential> dense_transition(int64_t in, const nn::NormOptions& norm) {
  auto layers = std::make_shared<nn::Sequential>("_Transition");
  layers->push("norm", nn::make_norm(in, norm));
  layers->push("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
  layers->push("conv", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = in / 2, .bias = false}));
  layers->push("pool", std::make_shared<nn::AvgPool2d>(nn::AvgPool2dOptions{}));
  return layers;
}

void push_densenet_features(Network& network, const DensenetOptions& options, int64_t channels,
                            const nn::NormOptions& norm) {
  int64_t width = options.num_init_features, stride = 4;
  network.push("conv0", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
                            .in = channels, .out = width, .kernel = 7, .stride = 2, .padding = 3, .bias = false}));
  network.push("norm0", nn::make_norm(width, norm));
  network.push("relu0", std::make_shared<nn::Activation>(nn::Act::Relu), width, 2);
  const nn::MaxPool2dOptions pool{.kernel = 3, .stride = 2, .padding = 1};
  network.push("pool0", std::make_shared<nn::MaxPool2d>(pool), width, stride);
  for (std::size_t i = 0; i < options.block_config.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    auto block = std::make_shared<DenseBlock>(options.block_config[i], width, options, norm);
    width += options.block_config[i] * options.growth_rate;
    network.push("denseblock" + number, std::move(block), width, stride);
    if (i + 1 == options.block_config.size()) break;
    stride *= 2;
    network.push("transition" + number, dense_transition(width, norm), width / 2, stride);
    width /= 2;
  }
  network.push("norm5", nn::make_norm(width, norm), width, stride);
  network.mark_strides();
}

Network densenet(const DensenetOptions& options, const ModelRequest& request, const nn::NormOptions& norm = {}) {
  Network network{.type = "DenseNet", .container = "features"};
  push_densenet_features(network, options, request.inputs, norm);
  network.push_head("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  network.push_head("classifier",
                    std::make_shared<nn::Linear>(network.body.back().channels, outputs(options.num_classes, request)));
  network.second_pass = [](nn::Layer& root) {
    const torch::NoGradGuard no_grad;
    for (nn::Layer* layer : root.all_layers()) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(layer)) nn::init::kaiming_normal_fan_in(conv->weight);
      if (auto* linear = dynamic_cast<nn::Linear*>(layer)) linear->bias.zero_();
    }
  };
  return network;
}

struct DensenetVariant {
  const char* layers;
  DensenetOptions options;
};

const std::vector<DensenetVariant>& densenets() {
  static const std::vector<DensenetVariant> variants = {{"121", {32, {6, 12, 24, 16}, 64}},
                                                        {"161", {48, {6, 12, 36, 24}, 96}},
                                                        {"169", {32, {6, 12, 32, 32}, 64}},
                                                        {"201", {32, {6, 12, 48, 32}, 64}}};
  return variants;
}

}  // namespace

void add_densenets(ModelFactory& factory) {
  for (const DensenetVariant& variant : densenets()) {
    const std::string layers = variant.layers;
    factory.add<DensenetOptions>(
        "densenet" + layers, "DenseNet-" + layers + ": each layer sees all before it in its block",
        [](const DensenetOptions& options, const ModelRequest& request) {
          return build_whole(densenet(options, request));
        },
        published_facts("densenet" + layers), variant.options);
  }
}

void add_densenet_bodies(BodyFactory& factory) {
  for (const DensenetVariant& variant : densenets()) {
    factory.add<config::NoOptions>(
        std::string("densenet") + variant.layers, std::string("DenseNet-") + variant.layers,
        [&variant](const config::NoOptions&, const BodyRequest& request) {
          return densenet(variant.options, {BodyRequest::kOutputs, request.inputs}, request.norm());
        },
        body_facts(/*norms=*/true));
  }
}

}  // namespace mlrun::models
