#include <span>

#include "models/architectures.h"
#include "nn/init.h"
#include "nn/layers.h"

/// Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016, and its
/// version 1.1, as torchvision builds them.
namespace mlrun::models {
namespace {

/// A fire module, or where `squeezed` is 0, max pooling.
struct FireRow {
  int64_t in = 0, squeezed = 0, expanded = 0;  ///< expanded: of each of its two convolutions
};

struct SqueezenetTable {
  int64_t stem_width, stem_kernel;
  std::span<const FireRow> rows;
};

constexpr FireRow kFires10[] = {
    {},
    {96, 16, 64},
    {128, 16, 64},
    {128, 32, 128},
    {},
    {256, 32, 128},
    {256, 48, 192},
    {384, 48, 192},
    {384, 64, 256},
    {},
    {512, 64, 256},
};
constexpr FireRow kFires11[] = {
    {},
    {64, 16, 64},
    {128, 16, 64},
    {},
    {128, 32, 128},
    {256, 32, 128},
    {},
    {256, 48, 192},
    {384, 48, 192},
    {384, 64, 256},
    {512, 64, 256},
};
constexpr SqueezenetTable kSqueezenet10{96, 7, kFires10}, kSqueezenet11{64, 3, kFires11};
constexpr int64_t kSqueezenetWidth = 512;  // channels before the classifier

struct SqueezenetOptions {
  std::optional<int64_t> num_classes;
  double dropout = 0.5;

  static void declare(config::Declare<SqueezenetOptions>& d) {
    d("num_classes", &SqueezenetOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout", &SqueezenetOptions::dropout, "probability before the last convolution").min(0).below(1);
  }
};

/// Few channels by a 1x1 convolution, from which a 1x1 and a 3x3 convolution make many.
class Fire : public nn::UnaryLayer {
 public:
  explicit Fire(const FireRow& row) : UnaryLayer("Fire") {
    squeeze_ = push("squeeze", row.in, row.squeezed, 1);
    expand1x1_ = push("expand1x1", row.squeezed, row.expanded, 1);
    expand3x3_ = push("expand3x3", row.squeezed, row.expanded, 3);
    concat_ = add("concat", std::make_shared<nn::Concat>());
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor x = run(squeeze_, input);
    return call(*concat_, run(expand1x1_, x), run(expand3x3_, x));
  }
  bool is_block() const override { return true; }

 private:
  struct Part {
    std::shared_ptr<nn::Conv2d> conv;
    std::shared_ptr<nn::Activation> relu;
  };

  Part push(const std::string& name, int64_t in, int64_t out, int64_t kernel) {
    const nn::Conv2dOptions conv{.in = in, .out = out, .kernel = kernel, .padding = kernel / 2};
    return {add(name, std::make_shared<nn::Conv2d>(conv)),
            add(name + "_activation", std::make_shared<nn::Activation>(nn::Act::Relu))};
  }
  torch::Tensor run(const Part& part, const torch::Tensor& x) { return call(*part.relu, call(*part.conv, x)); }

  Part squeeze_, expand1x1_, expand3x3_;
  std::shared_ptr<nn::Concat> concat_;
};

class Squeezenet : public nn::Sequential {
 public:
  Squeezenet(const SqueezenetTable& table, const SqueezenetOptions& options, const ModelRequest& request)
      : Sequential("SqueezeNet") {
    auto features = std::make_shared<nn::Sequential>();
    features->push(std::make_shared<nn::Conv2d>(
        nn::Conv2dOptions{.in = request.inputs, .out = table.stem_width, .kernel = table.stem_kernel, .stride = 2}));
    features->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    for (const FireRow& row : table.rows) {
      if (row.squeezed) {
        features->push(std::make_shared<Fire>(row));
      } else {
        features->push(
            std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 2, .ceil_mode = true}));
      }
    }
    last_ = std::make_shared<nn::Conv2d>(
        nn::Conv2dOptions{.in = kSqueezenetWidth, .out = outputs(options.num_classes, request)});
    auto classifier = std::make_shared<nn::Sequential>();
    classifier->push(std::make_shared<nn::Dropout>(options.dropout));
    classifier->push(last_);
    classifier->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    classifier->push(std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("features", std::move(features));
    push("classifier", std::move(classifier));
    push("flatten", std::make_shared<nn::Flatten>());
  }

  void initialise_weights() override {
    torch::NoGradGuard no_grad;
    for (nn::Layer* layer : all_layers()) {
      auto* conv = dynamic_cast<nn::Conv2d*>(layer);
      if (!conv) continue;
      if (conv == last_.get()) {
        nn::init::normal(conv->weight, 0, 0.01);
      } else {
        nn::init::kaiming_uniform(conv->weight, 0);
      }
      conv->bias.zero_();
    }
  }
  std::vector<std::string> heads() const override { return {"classifier"}; }

 private:
  std::shared_ptr<nn::Conv2d> last_;
};

void add_squeezenet(ModelFactory& factory, const std::string& name, const std::string& description,
                    const SqueezenetTable& table) {
  factory.add<SqueezenetOptions>(
      name, description,
      [&table](const SqueezenetOptions& options, const ModelRequest& request) {
        return build<Squeezenet>(table, options, request);
      },
      published_facts(name));
}

}  // namespace

void add_squeezenets(ModelFactory& factory) {
  add_squeezenet(factory, "squeezenet1_0", "SqueezeNet 1.0: fire modules, very few parameters", kSqueezenet10);
  add_squeezenet(factory, "squeezenet1_1", "SqueezeNet 1.1: a third of the multiply-adds of 1.0", kSqueezenet11);
}

}  // namespace mlrun::models
