#include "models/architectures.h"
#include "nn/blocks.h"
#include "nn/init.h"

/// A small convolutional network for images of 28 to 64 pixels, made to train within minutes on a
/// few CPU cores. Where a stage pools, it does so before norm and activation, which then work on a
/// quarter of the pixels.
namespace mlrun::models {
namespace {

struct SmallCnnOptions {
  std::optional<int64_t> num_classes;
  int64_t width = 32;
  double dropout = 0.2;

  static void declare(config::Declare<SmallCnnOptions>& d) {
    d("num_classes", &SmallCnnOptions::num_classes, kNumClassesHelp).min(1);
    d("width", &SmallCnnOptions::width,
      "channels of the first stage; the next two have twice, the last two four times as many")
        .min(1);
    d("dropout", &SmallCnnOptions::dropout, "probability before the last layer").min(0).below(1);
  }
};

/// 3x3 convolution, max pooling where asked for, batch norm, ReLU.
std::shared_ptr<nn::Sequential> stage(int64_t in, int64_t out, bool pool) {
  auto layers = std::make_shared<nn::Sequential>();
  layers->push("conv", std::make_shared<nn::Conv2d>(
                           nn::Conv2dOptions{.in = in, .out = out, .kernel = 3, .padding = 1, .bias = false}));
  if (pool) layers->push("pool", std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{}));
  layers->push("norm", std::make_shared<nn::BatchNorm2d>(out));
  layers->push("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
  return layers;
}

class SmallCnn : public nn::Sequential {
 public:
  SmallCnn(const SmallCnnOptions& options, const ModelRequest& request) : Sequential("SmallCnn") {
    const int64_t width = options.width;
    push("stage1", stage(request.inputs, width, true));
    push("stage2", stage(width, 2 * width, false));
    push("stage3", stage(2 * width, 2 * width, true));
    push("stage4", stage(2 * width, 4 * width, false));
    push("stage5", stage(4 * width, 4 * width, false));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    push("dropout", std::make_shared<nn::Dropout>(options.dropout));
    push("fc", std::make_shared<nn::Linear>(4 * width, outputs(options.num_classes, request)));
  }

  void initialise_weights() override { nn::init::redraw(*this); }
  std::vector<std::string> heads() const override { return {"fc"}; }
};

}  // namespace

void add_small_cnn(ModelFactory& factory) {
  factory.add<SmallCnnOptions>(
      "small_cnn", "five 3x3 convolutions with batch norm, for small images",
      [](const SmallCnnOptions& options, const ModelRequest& request) { return build<SmallCnn>(options, request); },
      Json{{"task", "classification"},
           {"input_size", 28},
           {"resize_size", 28},
           {"min_size", 4},
           {"num_classes", 10},
           {"channels", 1}});
}

}  // namespace mlrun::models
