#include <utility>

#include "models/architectures.h"
#include "nn/init.h"
#include "nn/interpolate.h"

/// Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015, with padding,
/// batch norm and bilinear upsampling.
namespace mlrun::models {
namespace {

struct UnetOptions {
  std::optional<int64_t> num_classes;
  int64_t width = 64, depth = 4;

  static void declare(config::Declare<UnetOptions>& d) {
    d("num_classes", &UnetOptions::num_classes, kNumClassesHelp).min(1);
    d("width", &UnetOptions::width, "channels at full size; each level below has twice as many, the last two as many")
        .min(1);
    d("depth", &UnetOptions::depth, "how often the size is halved").min(1).max(7);
  }
};

/// Two 3x3 convolutions with batch norm and ReLU; `middle` channels between them.
std::shared_ptr<nn::Sequential> double_conv(int64_t in, int64_t middle, int64_t out) {
  auto layers = std::make_shared<nn::Sequential>("DoubleConv");
  const std::pair<int64_t, int64_t> sizes[] = {{in, middle}, {middle, out}};
  for (const auto& [from, to] : sizes) {
    layers->push(std::make_shared<nn::Conv2d>(
        nn::Conv2dOptions{.in = from, .out = to, .kernel = 3, .padding = 1, .bias = false}));
    layers->push(std::make_shared<nn::BatchNorm2d>(to));
    layers->push(std::make_shared<nn::Activation>(nn::Act::Relu));
  }
  return layers;
}

/// What comes from below, in the size of what went down, beside it.
class Up : public nn::Layer {
 public:
  Up(int64_t in, int64_t out) : Layer("Up") {
    resize_ = add("up", std::make_shared<nn::Interpolate>());
    concat_ = add("concat", std::make_shared<nn::Concat>());
    conv_ = add("conv", double_conv(in, in / 2, out));
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    const torch::Tensor &below = inputs.at(0), &beside = inputs.at(1);
    return {call(*conv_, call(*concat_, beside, call(*resize_, below, beside)))};
  }

 private:
  std::shared_ptr<nn::Interpolate> resize_;
  std::shared_ptr<nn::Concat> concat_;
  std::shared_ptr<nn::Sequential> conv_;
};

class Unet : public nn::UnaryLayer {
 public:
  Unet(const UnetOptions& options, const ModelRequest& request) : UnaryLayer("UNet") {
    int64_t width = options.width;
    in_ = add("inc", double_conv(request.inputs, width, width));
    std::vector<int64_t> widths = {width};
    for (int64_t level = 1; level <= options.depth; ++level) {
      const int64_t next =
          level == options.depth ? width : 2 * width;  // nothing is learnt by the resizing that follows
      auto down = std::make_shared<nn::Sequential>("Down");
      down->push("pool", std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{}));
      down->push("conv", double_conv(width, next, next));
      downs_.push_back(add("down" + std::to_string(level), down));
      widths.push_back(width = next);
    }
    for (int64_t level = options.depth; level > 0; --level) {
      const auto at = static_cast<std::size_t>(level);
      const int64_t beside = widths[at - 1], out = level == 1 ? beside : beside / 2;
      ups_.push_back(add("up" + std::to_string(options.depth - level + 1), std::make_shared<Up>(width + beside, out)));
      width = out;
    }
    out_ =
        add("outc",
            std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = width, .out = outputs(options.num_classes, request)}));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    nn::Tensors levels = {call(*in_, input)};
    for (const auto& down : downs_) levels.push_back(call(*down, levels.back()));
    torch::Tensor x = levels.back();
    for (std::size_t i = 0; i < ups_.size(); ++i) x = call(*ups_[i], x, levels[levels.size() - 2 - i]);
    return call(*out_, x);
  }
  nn::Interface interface() const override { return {{{"input"}}, {{"out"}}}; }
  void initialise_weights() override { nn::init::redraw(*this); }
  std::vector<std::string> heads() const override { return {"outc"}; }

 private:
  std::shared_ptr<nn::Sequential> in_;
  std::vector<std::shared_ptr<nn::Sequential>> downs_;
  std::vector<std::shared_ptr<Up>> ups_;
  std::shared_ptr<nn::Conv2d> out_;
};

}  // namespace

void add_unet(ModelFactory& factory) {
  factory.add<UnetOptions>(
      "unet", "down by convolutions and pooling, up again beside what went down",
      [](const UnetOptions& options, const ModelRequest& request) { return build<Unet>(options, request); },
      Json{{"task", "segmentation"},
           {"input_size", 256},
           {"resize_size", 256},
           {"min_size", 16},
           {"num_classes", 2},
           {"channels", 3}});
}

}  // namespace mlrun::models
