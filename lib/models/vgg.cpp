#include <span>
#include <string>

#include "models/architectures.h"
#include "models/cifar.h"
#include "nn/init.h"
#include "nn/layers.h"

/// Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
/// ICLR 2015, as torchvision builds it; and its variant for CIFAR (see cifar.h).
namespace mlrun::models {
namespace {

/// 3x3 convolutions in each of the five stages, which end with max pooling: all that distinguishes
/// the family's members.
struct VggTable {
  const char* name;
  const char* title;
  int64_t convolutions[5];
};

constexpr VggTable kVggs[] = {
    {"vgg11", "VGG-11", {1, 1, 2, 2, 2}},
    {"vgg13", "VGG-13", {2, 2, 2, 2, 2}},
    {"vgg16", "VGG-16", {2, 2, 3, 3, 3}},
    {"vgg19", "VGG-19", {2, 2, 4, 4, 4}},
};
constexpr const VggTable& kVgg16 = kVggs[2];
constexpr int64_t kVggWidths[] = {64, 128, 256, 512, 512};  // channels of the stages
constexpr int64_t kVggMap = 7;                              // pixels on each side before the classifier
constexpr int64_t kVggHidden = 4096;

struct VggOptions {
  std::optional<int64_t> num_classes;
  double dropout = 0.5;
  bool init_weights = true;

  static void declare(config::Declare<VggOptions>& d) {
    d("num_classes", &VggOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout", &VggOptions::dropout, "probability after each of the first two linear layers").min(0).below(1);
    d("init_weights", &VggOptions::init_weights,
      "draw weights by fan-out (Kaiming), those of linear layers with standard deviation 0.01; else as each layer "
      "draws its own");
  }
};

std::shared_ptr<nn::Sequential> vgg_features(const VggTable& table, bool norm, int64_t channels) {
  auto features = std::make_shared<nn::Sequential>();
  for (std::size_t stage = 0; stage < std::size(kVggWidths); ++stage) {
    for (int64_t n = 0; n < table.convolutions[stage]; ++n) {
      const int64_t width = kVggWidths[stage];
      features->push(
          std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = channels, .out = width, .kernel = 3, .padding = 1}));
      if (norm) features->push(std::make_shared<nn::BatchNorm2d>(width));
      features->push(std::make_shared<nn::Activation>(nn::Act::Relu));
      channels = width;
    }
    features->push(std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{}));
  }
  return features;
}

class Vgg : public nn::Sequential {
 public:
  Vgg(const VggTable& table, bool norm, const VggOptions& options, const ModelRequest& request)
      : Sequential("VGG"), second_pass_(options.init_weights) {
    auto classifier = std::make_shared<nn::Sequential>();
    for (const int64_t in : {kVggWidths[4] * kVggMap * kVggMap, kVggHidden}) {
      classifier->push(std::make_shared<nn::Linear>(in, kVggHidden));
      classifier->push(std::make_shared<nn::Activation>(nn::Act::Relu));
      classifier->push(std::make_shared<nn::Dropout>(options.dropout));
    }
    classifier->push(std::make_shared<nn::Linear>(kVggHidden, outputs(options.num_classes, request)));
    push("features", vgg_features(table, norm, request.channels));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(kVggMap));
    push("flatten", std::make_shared<nn::Flatten>());
    push("classifier", std::move(classifier));
  }

  void initialise_weights() override {
    if (second_pass_) nn::init::redraw(*this, 0.01);
  }

 private:
  bool second_pass_;
};

struct CifarVggOptions {
  std::optional<int64_t> num_classes;
  double dropout = 0.5;

  static void declare(config::Declare<CifarVggOptions>& d) {
    d("num_classes", &CifarVggOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout", &CifarVggOptions::dropout, "probability before each of the first two linear layers").min(0).below(1);
  }
};

/// The same convolutions before a small classifier.
class CifarVgg : public nn::Sequential {
 public:
  CifarVgg(bool norm, const CifarVggOptions& options, const ModelRequest& request) : Sequential("VGG") {
    constexpr int64_t kHidden = 512;
    auto classifier = std::make_shared<nn::Sequential>();
    for (int i = 0; i < 2; ++i) {
      classifier->push(std::make_shared<nn::Dropout>(options.dropout));
      classifier->push(std::make_shared<nn::Linear>(kHidden, kHidden));
      classifier->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    }
    classifier->push(std::make_shared<nn::Linear>(kHidden, outputs(options.num_classes, request)));
    push("features", vgg_features(kVgg16, norm, request.channels));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    push("classifier", std::move(classifier));
  }

  void initialise_weights() override { redraw_cifar(*this); }
};

void add_cifar_vgg(ModelFactory& factory, const std::string& name, const std::string& description, bool norm,
                   Json facts) {
  factory.add<CifarVggOptions>(
      name, description,
      [norm](const CifarVggOptions& options, const ModelRequest& request) {
        return build<CifarVgg>(norm, options, request);
      },
      std::move(facts));
}

}  // namespace

void add_vggs(ModelFactory& factory) {
  for (const VggTable& table : kVggs) {
    for (const bool norm : {false, true}) {
      const std::string name = table.name + std::string(norm ? "_bn" : "");
      factory.add<VggOptions>(
          name, std::string(table.title) + (norm ? " with batch norm" : "") + ": plain 3x3 convolutions",
          [&table, norm](const VggOptions& options, const ModelRequest& request) {
            return build<Vgg>(table, norm, options, request);
          },
          published_facts(name));
    }
  }
}

void add_cifar_vggs(ModelFactory& factory) {
  add_cifar_vgg(factory, "vgg16_cifar", "VGG-16 for images of 32 pixels", false, cifar_facts(93.25, 32));
  add_cifar_vgg(factory, "vgg16_bn_cifar", "VGG-16 with batch norm for images of 32 pixels", true,
                cifar_facts(std::nullopt, 32));
}

}  // namespace mlrun::models
