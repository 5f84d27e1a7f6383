#include <span>
#include <string>

#include "models/architectures.h"
#include "models/cifar.h"
#include "models/network.h"
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

/// With `norm`, a norm behind each convolution. Levels are what enters the pools, and the last pool's output; stages
/// begin at all pools but the last, as in torchvision's SSD.
void push_vgg_features(Network& network, const VggTable& table, const std::optional<nn::NormOptions>& norm,
                       int64_t channels) {
  int64_t stride = 1;
  for (std::size_t stage = 0; stage < std::size(kVggWidths); ++stage) {
    const int64_t width = kVggWidths[stage];
    for (int64_t n = 0; n < table.convolutions[stage]; ++n) {
      network.push(
          std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = channels, .out = width, .kernel = 3, .padding = 1}));
      if (norm) network.push(nn::make_norm(width, *norm));
      network.push(std::make_shared<nn::Activation>(nn::Act::Relu), width, stride);
      channels = width;
    }
    network.body.back().level = true;
    stride *= 2;
    network.push(std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{}), width, stride).stage = true;
  }
  network.body.front().stage = true;
  network.body.back().stage = false;
  network.body.back().level = true;
}

/// The norm of the members called `_bn`.
std::optional<nn::NormOptions> vgg_norm(bool norm) { return norm ? std::optional(nn::NormOptions{}) : std::nullopt; }

Network vgg(const VggTable& table, const VggOptions& options, const ModelRequest& request,
            const std::optional<nn::NormOptions>& norm) {
  Network network{.type = "VGG", .container = "features"};
  push_vgg_features(network, table, norm, request.inputs);
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(kVggMap));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  auto classifier = std::make_shared<nn::Sequential>();
  for (const int64_t in : {kVggWidths[4] * kVggMap * kVggMap, kVggHidden}) {
    classifier->push(std::make_shared<nn::Linear>(in, kVggHidden));
    classifier->push(std::make_shared<nn::Activation>(nn::Act::Relu));
    classifier->push(std::make_shared<nn::Dropout>(options.dropout));
  }
  classifier->push(std::make_shared<nn::Linear>(kVggHidden, outputs(options.num_classes, request)));
  network.push_head("classifier", std::move(classifier));
  if (options.init_weights) network.second_pass = [](nn::Layer& root) { nn::init::redraw(root, 0.01); };
  return network;
}

struct CifarVggOptions {
  std::optional<int64_t> num_classes;
  double dropout = 0.5;

  static void declare(config::Declare<CifarVggOptions>& d) {
    d("num_classes", &CifarVggOptions::num_classes, kNumClassesHelp).min(1);
    d("dropout", &CifarVggOptions::dropout, "probability before each of the first two linear layers").min(0).below(1);
  }
};

/// The same convolutions before a small classifier.
Network cifar_vgg(bool norm, const CifarVggOptions& options, const ModelRequest& request) {
  constexpr int64_t kHidden = 512;
  Network network{.type = "VGG", .container = "features"};
  push_vgg_features(network, kVgg16, vgg_norm(norm), request.inputs);
  network.push_head("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
  network.push_head("flatten", std::make_shared<nn::Flatten>());
  auto classifier = std::make_shared<nn::Sequential>();
  for (int i = 0; i < 2; ++i) {
    classifier->push(std::make_shared<nn::Dropout>(options.dropout));
    classifier->push(std::make_shared<nn::Linear>(kHidden, kHidden));
    classifier->push(std::make_shared<nn::Activation>(nn::Act::Relu));
  }
  classifier->push(std::make_shared<nn::Linear>(kHidden, outputs(options.num_classes, request)));
  network.push_head("classifier", std::move(classifier));
  network.second_pass = redraw_cifar;
  return network;
}

void add_cifar_vgg(ModelFactory& factory, const std::string& name, const std::string& description, bool norm,
                   Json facts) {
  factory.add<CifarVggOptions>(
      name, description,
      [norm](const CifarVggOptions& options, const ModelRequest& request) {
        return build_whole(cifar_vgg(norm, options, request));
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
            return build_whole(vgg(table, options, request, vgg_norm(norm)));
          },
          published_facts(name));
    }
  }
}

void add_vgg_bodies(BodyFactory& factory) {
  for (const VggTable& table : kVggs) {
    for (const bool norm : {false, true}) {
      factory.add<config::NoOptions>(
          table.name + std::string(norm ? "_bn" : ""), table.title,
          [&table, norm](const config::NoOptions&, const BodyRequest& request) {
            const auto chosen = norm ? std::optional(request.norm()) : std::nullopt;
            return vgg(table, {}, {BodyRequest::kOutputs, request.inputs}, chosen);
          },
          body_facts(norm));
    }
  }
}

void add_cifar_vggs(ModelFactory& factory) {
  add_cifar_vgg(factory, "vgg16_cifar", "VGG-16 for images of 32 pixels", false, cifar_facts(93.25, 32));
  add_cifar_vgg(factory, "vgg16_bn_cifar", "VGG-16 with batch norm for images of 32 pixels", true,
                cifar_facts(std::nullopt, 32));
}

}  // namespace mlrun::models
