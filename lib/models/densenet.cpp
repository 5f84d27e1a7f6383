#include <vector>

#include "models/architectures.h"
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
  DenseLayer(int64_t in, const DensenetOptions& o) : Layer("_DenseLayer") {
    const int64_t width = o.bn_size * o.growth_rate;
    concat_ = add("concat", std::make_shared<nn::Concat>());
    push("1", in, width, 1);
    push("2", width, o.growth_rate, 3);
    if (o.drop_rate > 0) steps_.push_back(add("dropout", std::make_shared<nn::Dropout>(o.drop_rate)));
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    torch::Tensor x = call(*concat_, inputs).front();
    for (const auto& step : steps_) x = call(*step, x);
    return {x};
  }

 private:
  void push(const std::string& number, int64_t in, int64_t out, int64_t kernel) {
    const nn::Conv2dOptions conv{.in = in, .out = out, .kernel = kernel, .padding = kernel / 2, .bias = false};
    steps_.push_back(add("norm" + number, std::make_shared<nn::BatchNorm2d>(in)));
    steps_.push_back(add("relu" + number, std::make_shared<nn::Activation>(nn::Act::Relu)));
    steps_.push_back(add("conv" + number, std::make_shared<nn::Conv2d>(conv)));
  }

  std::shared_ptr<nn::Concat> concat_;
  std::vector<std::shared_ptr<nn::Layer>> steps_;
};

class DenseBlock : public nn::UnaryLayer {
 public:
  DenseBlock(int64_t layers, int64_t in, const DensenetOptions& o) : UnaryLayer("_DenseBlock") {
    for (int64_t i = 0; i < layers; ++i) {
      layers_.push_back(
          add("denselayer" + std::to_string(i + 1), std::make_shared<DenseLayer>(in + i * o.growth_rate, o)));
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
std::shared_ptr<nn::Sequential> dense_transition(int64_t in) {
  auto layers = std::make_shared<nn::Sequential>("_Transition");
  layers->push("norm", std::make_shared<nn::BatchNorm2d>(in));
  layers->push("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
  layers->push("conv", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = in / 2, .bias = false}));
  layers->push("pool", std::make_shared<nn::AvgPool2d>(nn::AvgPool2dOptions{}));
  return layers;
}

class Densenet : public nn::Sequential {
 public:
  Densenet(const DensenetOptions& options, const ModelRequest& request) : Sequential("DenseNet") {
    auto features = std::make_shared<nn::Sequential>();
    int64_t width = options.num_init_features;
    features->push("conv0",
                   std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
                       .in = request.channels, .out = width, .kernel = 7, .stride = 2, .padding = 3, .bias = false}));
    features->push("norm0", std::make_shared<nn::BatchNorm2d>(width));
    features->push("relu0", std::make_shared<nn::Activation>(nn::Act::Relu));
    features->push("pool0",
                   std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 2, .padding = 1}));
    for (std::size_t i = 0; i < options.block_config.size(); ++i) {
      const std::string number = std::to_string(i + 1);
      features->push("denseblock" + number, std::make_shared<DenseBlock>(options.block_config[i], width, options));
      width += options.block_config[i] * options.growth_rate;
      if (i + 1 == options.block_config.size()) break;
      features->push("transition" + number, dense_transition(width));
      width /= 2;
    }
    features->push("norm5", std::make_shared<nn::BatchNorm2d>(width));
    push("features", std::move(features));
    push("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    push("classifier", std::make_shared<nn::Linear>(width, outputs(options.num_classes, request)));
  }

  void initialise_weights() override {
    torch::NoGradGuard no_grad;
    for (nn::Layer* layer : all_layers()) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(layer)) nn::init::kaiming_normal_fan_in(conv->weight);
      if (auto* linear = dynamic_cast<nn::Linear*>(layer)) linear->bias.zero_();
    }
  }
};

void add_densenet(ModelFactory& factory, const std::string& layers, const DensenetOptions& defaults) {
  factory.add<DensenetOptions>(
      "densenet" + layers, "DenseNet-" + layers + ": each layer sees all before it in its block",
      [](const DensenetOptions& options, const ModelRequest& request) { return build<Densenet>(options, request); },
      published_facts("densenet" + layers), defaults);
}

}  // namespace

void add_densenets(ModelFactory& factory) {
  add_densenet(factory, "121", {32, {6, 12, 24, 16}, 64});
  add_densenet(factory, "161", {48, {6, 12, 36, 24}, 96});
  add_densenet(factory, "169", {32, {6, 12, 32, 32}, 64});
  add_densenet(factory, "201", {32, {6, 12, 48, 32}, 64});
}

}  // namespace mlrun::models
