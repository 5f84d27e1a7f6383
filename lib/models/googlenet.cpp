#include <string>

#include "models/architectures.h"
#include "models/inception_blocks.h"
#include "nn/init.h"

/// Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, as torchvision builds it: with
/// batch norm, and 3x3 convolutions where the paper has 5x5.
namespace mlrun::models {
namespace {

/// One inception module: channels of each branch's convolutions (table 1 of the paper).
struct GoogleRow {
  const char* name;
  int64_t in, one, three_reduced, three, five_reduced, five, pooled;
  int64_t pool_after = 0;  ///< kernel of max pooling of stride 2 that follows, or none
  bool aux_after = false;  ///< an auxiliary classifier takes what comes out

  int64_t out() const { return one + three + five + pooled; }
};

constexpr GoogleRow kGoogleRows[] = {
    {"inception3a", 192, 64, 96, 128, 16, 32, 32},           {"inception3b", 256, 128, 128, 192, 32, 96, 64, 3},
    {"inception4a", 480, 192, 96, 208, 16, 48, 64, 0, true}, {"inception4b", 512, 160, 112, 224, 24, 64, 64},
    {"inception4c", 512, 128, 128, 256, 24, 64, 64},         {"inception4d", 512, 112, 144, 288, 32, 64, 64, 0, true},
    {"inception4e", 528, 256, 160, 320, 32, 128, 128, 2},    {"inception5a", 832, 256, 160, 320, 32, 128, 128},
    {"inception5b", 832, 384, 192, 384, 48, 128, 128},
};
constexpr int64_t kGoogleWidth = 1024;

struct GooglenetOptions {
  std::optional<int64_t> num_classes;
  bool aux_logits = true;
  bool transform_input = false;
  bool init_weights = true;
  double dropout = 0.2;
  double dropout_aux = 0.7;

  static void declare(config::Declare<GooglenetOptions>& d) {
    d("num_classes", &GooglenetOptions::num_classes, kNumClassesHelp).min(1);
    d("aux_logits", &GooglenetOptions::aux_logits, "two auxiliary classifiers, which take part in training only");
    d("transform_input", &GooglenetOptions::transform_input, kTransformInputHelp);
    d("init_weights", &GooglenetOptions::init_weights,
      "draw weights from a truncated normal distribution; else as each layer draws its own");
    d("dropout", &GooglenetOptions::dropout, "probability before the last layer").min(0).below(1);
    d("dropout_aux", &GooglenetOptions::dropout_aux, "the same in the auxiliary classifiers").min(0).below(1);
  }
};

std::shared_ptr<nn::MaxPool2d> google_pool(int64_t kernel, int64_t stride) {
  return std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{
      .kernel = kernel, .stride = stride, .padding = stride == 1 ? kernel / 2 : 0, .ceil_mode = true});
}

std::shared_ptr<nn::Layer> google_module(const GoogleRow& row) {
  auto reduced_branch = [&row](int64_t reduced, int64_t out) {
    auto branch = std::make_shared<nn::Sequential>();
    branch->push(basic_conv({.in = row.in, .out = reduced}));
    branch->push(basic_conv({.in = reduced, .out = out, .kernel = 3, .padding = 1}));
    return branch;
  };
  auto pooled = std::make_shared<nn::Sequential>();
  pooled->push(google_pool(3, 1));
  pooled->push(basic_conv({.in = row.in, .out = row.pooled}));
  const std::shared_ptr<nn::Layer> branches[] = {basic_conv({.in = row.in, .out = row.one}),
                                                 reduced_branch(row.three_reduced, row.three),
                                                 reduced_branch(row.five_reduced, row.five), pooled};
  auto block = std::make_shared<InceptionBlock>("Inception");
  int number = 0;
  for (const auto& branch : branches) {
    block->begin_branch();
    block->push("branch" + std::to_string(++number), branch);
  }
  block->finish();
  return block;
}

/// An auxiliary classifier.
class GoogleAux : public nn::UnaryLayer {
 public:
  GoogleAux(int64_t in, int64_t classes, double dropout) : UnaryLayer("InceptionAux") {
    constexpr int64_t kMap = 4, kChannels = 128, kHidden = 1024;
    conv_ = add("conv", basic_conv({.in = in, .out = kChannels}));
    fc1_ = add("fc1", std::make_shared<nn::Linear>(kChannels * kMap * kMap, kHidden));
    fc2_ = add("fc2", std::make_shared<nn::Linear>(kHidden, classes));
    dropout_ = add("dropout", std::make_shared<nn::Dropout>(dropout));
    avgpool_ = add("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(kMap));
    flatten_ = add("flatten", std::make_shared<nn::Flatten>());
    relu_ = add("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor x = call(*flatten_, call(*conv_, call(*avgpool_, input)));
    return call(*fc2_, call(*dropout_, call(*relu_, call(*fc1_, x))));
  }

 private:
  std::shared_ptr<nn::Layer> conv_, fc1_, fc2_, dropout_, avgpool_, flatten_, relu_;
};

class Googlenet : public InceptionNetwork {
 public:
  Googlenet(const GooglenetOptions& options, const ModelRequest& request)
      : InceptionNetwork("GoogLeNet", options.transform_input, request), second_pass_(options.init_weights) {
    const int64_t classes = outputs(options.num_classes, request);
    push("conv1", basic_conv({.in = request.inputs, .out = 64, .kernel = 7, .stride = 2, .padding = 3}));
    push("maxpool1", google_pool(3, 2));
    push("conv2", basic_conv({.in = 64, .out = 64}));
    push("conv3", basic_conv({.in = 64, .out = 192, .kernel = 3, .padding = 1}));
    push("maxpool2", google_pool(3, 2));
    int pools = 2;
    for (const GoogleRow& row : kGoogleRows) {
      push(row.name, google_module(row));
      if (row.pool_after) push("maxpool" + std::to_string(++pools), google_pool(row.pool_after, 2));
    }
    int auxiliary = 0;
    for (const GoogleRow& row : kGoogleRows) {
      if (!row.aux_after || !options.aux_logits) continue;
      push_auxiliary("aux" + std::to_string(++auxiliary), row.name,
                     std::make_shared<GoogleAux>(row.out(), classes, options.dropout_aux));
    }
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    push("dropout", std::make_shared<nn::Dropout>(options.dropout));
    push("fc", std::make_shared<nn::Linear>(kGoogleWidth, classes));
  }

  void initialise_weights() override {
    if (second_pass_) redraw_inception(*this, [](const nn::Layer&) { return 0.01; });
  }

 private:
  bool second_pass_;
};

}  // namespace

void add_googlenet(ModelFactory& factory) {
  factory.add<GooglenetOptions>(
      "googlenet", "GoogLeNet (Inception v1): modules of four branches",
      [](const GooglenetOptions& options, const ModelRequest& request) { return build<Googlenet>(options, request); },
      published_facts("googlenet"));
}

}  // namespace mlrun::models
