#include <span>

#include "models/architectures.h"
#include "nn/layers.h"

/// Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014: AlexNet of
/// one tower, as torchvision builds it.
namespace mlrun::models {
namespace {

/// One convolution with its ReLU.
struct AlexnetStage {
  int64_t in, out, kernel, stride, padding;
  bool pool;  ///< followed by max pooling, 3x3 of stride 2
};

/// The first stage takes the images' channels in place of 3.
constexpr AlexnetStage kAlexnetStages[] = {
    {3, 64, 11, 4, 2, true},    {64, 192, 5, 1, 2, true},  {192, 384, 3, 1, 1, false},
    {384, 256, 3, 1, 1, false}, {256, 256, 3, 1, 1, true},
};
constexpr int64_t kAlexnetMap = 6;  // pixels on each side before the classifier
constexpr int64_t kAlexnetHidden = 4096;

struct AlexnetOptions {
  std::optional<int64_t> num_classes;
  double dropout = 0.5;

  static void declare(config::Declare<AlexnetOptions>& d) {
    d("num_classes", &AlexnetOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout", &AlexnetOptions::dropout, "probability before each of the first two linear layers").min(0).below(1);
  }
};

class Alexnet : public nn::Sequential {
 public:
  Alexnet(const AlexnetOptions& options, const ModelRequest& request) : Sequential("AlexNet") {
    auto features = std::make_shared<nn::Sequential>();
    for (const AlexnetStage& stage : kAlexnetStages) {
      features->push(
          std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = &stage == kAlexnetStages ? request.inputs : stage.in,
                                                         .out = stage.out,
                                                         .kernel = stage.kernel,
                                                         .stride = stage.stride,
                                                         .padding = stage.padding}));
      features->push(std::make_shared<nn::Activation>(nn::Act::Relu));
      if (stage.pool) features->push(std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 2}));
    }
    const int64_t width = std::span(kAlexnetStages).back().out * kAlexnetMap * kAlexnetMap;
    auto classifier = std::make_shared<nn::Sequential>();
    for (const int64_t in : {width, kAlexnetHidden}) {
      classifier->push(std::make_shared<nn::Dropout>(options.dropout));
      classifier->push(std::make_shared<nn::Linear>(in, kAlexnetHidden));
      classifier->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    }
    classifier->push(std::make_shared<nn::Linear>(kAlexnetHidden, outputs(options.num_classes, request)));
    push("features", std::move(features));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(kAlexnetMap));
    push("flatten", std::make_shared<nn::Flatten>());
    push("classifier", std::move(classifier));
  }
  std::vector<std::string> heads() const override { return {"classifier"}; }
};

}  // namespace

void add_alexnet(ModelFactory& factory) {
  factory.add<AlexnetOptions>(
      "alexnet", "AlexNet: five convolutions and three linear layers",
      [](const AlexnetOptions& options, const ModelRequest& request) { return build<Alexnet>(options, request); },
      published_facts("alexnet"));
}

}  // namespace mlrun::models
