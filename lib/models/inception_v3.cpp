#include <string>
#include <vector>

#include "models/architectures.h"
#include "models/inception_blocks.h"

/// Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, as
/// torchvision builds it.
namespace mlrun::models {
namespace {

/// One convolution of a branch; stride 1 keeps the size, stride 2 pads nothing.
struct InceptionConv {
  const char* name;
  int64_t out, height, width;  ///< channels, kernel
  int64_t stride = 1;
  bool end = false;  ///< stands beside the branch's other last convolutions
};

enum class InceptionPool { None, Mean, Max };

struct InceptionBranch {
  std::vector<InceptionConv> convolutions;
  InceptionPool pool = InceptionPool::None;  ///< first: a mean of stride 1 or a maximum of stride 2
};

using InceptionBranches = std::vector<InceptionBranch>;

/// The modules, each branch in a line, as in the paper's figures 5, 10, 6, 7.
InceptionBranches inception_a(int64_t pooled) {
  return {{{{"branch1x1", 64, 1, 1}}},
          {{{"branch5x5_1", 48, 1, 1}, {"branch5x5_2", 64, 5, 5}}},
          {{{"branch3x3dbl_1", 64, 1, 1}, {"branch3x3dbl_2", 96, 3, 3}, {"branch3x3dbl_3", 96, 3, 3}}},
          {{{"branch_pool", pooled, 1, 1}}, InceptionPool::Mean}};
}

InceptionBranches inception_b() {
  return {{{{"branch3x3", 384, 3, 3, 2}}},
          {{{"branch3x3dbl_1", 64, 1, 1}, {"branch3x3dbl_2", 96, 3, 3}, {"branch3x3dbl_3", 96, 3, 3, 2}}},
          {{}, InceptionPool::Max}};
}

InceptionBranches inception_c(int64_t inner) {
  return {{{{"branch1x1", 192, 1, 1}}},
          {{{"branch7x7_1", inner, 1, 1}, {"branch7x7_2", inner, 1, 7}, {"branch7x7_3", 192, 7, 1}}},
          {{{"branch7x7dbl_1", inner, 1, 1},
            {"branch7x7dbl_2", inner, 7, 1},
            {"branch7x7dbl_3", inner, 1, 7},
            {"branch7x7dbl_4", inner, 7, 1},
            {"branch7x7dbl_5", 192, 1, 7}}},
          {{{"branch_pool", 192, 1, 1}}, InceptionPool::Mean}};
}

InceptionBranches inception_d() {
  return {{{{"branch3x3_1", 192, 1, 1}, {"branch3x3_2", 320, 3, 3, 2}}},
          {{{"branch7x7x3_1", 192, 1, 1},
            {"branch7x7x3_2", 192, 1, 7},
            {"branch7x7x3_3", 192, 7, 1},
            {"branch7x7x3_4", 192, 3, 3, 2}}},
          {{}, InceptionPool::Max}};
}

InceptionBranches inception_e() {
  return {{{{"branch1x1", 320, 1, 1}}},
          {{{"branch3x3_1", 384, 1, 1}, {"branch3x3_2a", 384, 1, 3, 1, true}, {"branch3x3_2b", 384, 3, 1, 1, true}}},
          {{{"branch3x3dbl_1", 448, 1, 1},
            {"branch3x3dbl_2", 384, 3, 3},
            {"branch3x3dbl_3a", 384, 1, 3, 1, true},
            {"branch3x3dbl_3b", 384, 3, 1, 1, true}}},
          {{{"branch_pool", 192, 1, 1}}, InceptionPool::Mean}};
}

/// Makes a module and sets `channels`, those that go in, to those that come out.
std::shared_ptr<InceptionBlock> inception_module(const char* type, const InceptionBranches& branches,
                                                 int64_t& channels) {
  auto block = std::make_shared<InceptionBlock>(type);
  int64_t sum = 0;
  for (const InceptionBranch& branch : branches) {
    block->begin_branch();
    int64_t width = channels;
    if (branch.pool == InceptionPool::Mean) {
      block->push("avg_pool",
                  std::make_shared<nn::AvgPool2d>(nn::AvgPool2dOptions{.kernel = 3, .stride = 1, .padding = 1}));
    } else if (branch.pool == InceptionPool::Max) {
      block->push("max_pool", std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 2}));
    }
    int64_t ends = 0;
    for (const InceptionConv& c : branch.convolutions) {
      const nn::Pair padding = c.stride == 1 ? nn::Pair({c.height / 2, c.width / 2}) : nn::Pair(0);
      auto conv = basic_conv(
          {.in = width, .out = c.out, .kernel = {c.height, c.width}, .stride = c.stride, .padding = padding});
      if (c.end) {
        block->push_end(c.name, std::move(conv));
        ends += c.out;
      } else {
        block->push(c.name, std::move(conv));
        width = c.out;
      }
    }
    sum += ends ? ends : width;
  }
  block->finish();
  channels = sum;
  return block;
}

struct InceptionOptions {
  std::optional<int64_t> num_classes;
  bool aux_logits = true;
  bool transform_input = false;
  bool init_weights = true;
  double dropout = 0.5;

  static void declare(config::Declare<InceptionOptions>& d) {
    d("num_classes", &InceptionOptions::num_classes, kNumClassesHelp).min(1);
    d("aux_logits", &InceptionOptions::aux_logits, "an auxiliary classifier, which takes part in training only");
    d("transform_input", &InceptionOptions::transform_input, kTransformInputHelp);
    d("init_weights", &InceptionOptions::init_weights,
      "draw weights from truncated normal distributions; else as each layer draws its own");
    d("dropout", &InceptionOptions::dropout, "probability before the last layer").min(0).below(1);
  }
};

/// The auxiliary classifier. `fc` draws smaller weights than other layers.
class InceptionAux : public nn::Sequential {
 public:
  InceptionAux(int64_t in, int64_t classes) : Sequential("InceptionAux") {
    push("pool", std::make_shared<nn::AvgPool2d>(nn::AvgPool2dOptions{.kernel = 5, .stride = 3}));
    push("conv0", basic_conv({.in = in, .out = 128}));
    push("conv1", basic_conv({.in = 128, .out = 768, .kernel = 5}));
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("flatten", std::make_shared<nn::Flatten>());
    fc = std::make_shared<nn::Linear>(768, classes);
    push("fc", fc);
  }

  std::shared_ptr<nn::Linear> fc;
};

class InceptionV3 : public InceptionNetwork {
 public:
  InceptionV3(const InceptionOptions& options, const ModelRequest& request)
      : InceptionNetwork("Inception3", options.transform_input, request), second_pass_(options.init_weights) {
    const int64_t classes = outputs(options.num_classes, request);
    int64_t width = push_inception_stem(request.inputs);
    for (const auto& [name, pooled] : {std::pair{"Mixed_5b", 32}, {"Mixed_5c", 64}, {"Mixed_5d", 64}}) {
      push(name, inception_module("InceptionA", inception_a(pooled), width));
    }
    push("Mixed_6a", inception_module("InceptionB", inception_b(), width));
    for (const auto& [name, inner] :
         {std::pair{"Mixed_6b", 128}, {"Mixed_6c", 160}, {"Mixed_6d", 160}, {"Mixed_6e", 192}}) {
      push(name, inception_module("InceptionC", inception_c(inner), width));
    }
    if (options.aux_logits) {
      auto auxiliary = std::make_shared<InceptionAux>(width, classes);
      aux_fc_ = auxiliary->fc.get();
      push_auxiliary("AuxLogits", "Mixed_6e", std::move(auxiliary));
    }
    push("Mixed_7a", inception_module("InceptionD", inception_d(), width));
    for (const char* name : {"Mixed_7b", "Mixed_7c"}) {
      push(name, inception_module("InceptionE", inception_e(), width));
    }
    push("avgpool", std::make_shared<nn::AdaptiveAvgPool2d>(1));
    push("dropout", std::make_shared<nn::Dropout>(options.dropout));
    push("flatten", std::make_shared<nn::Flatten>());
    push("fc", std::make_shared<nn::Linear>(width, classes));
  }

  void initialise_weights() override {
    if (!second_pass_) return;
    redraw_inception(*this, [this](const nn::Layer& layer) { return &layer == aux_fc_ ? 0.001 : 0.1; });
  }

 private:
  /// Returns the channels that come out.
  int64_t push_inception_stem(int64_t channels) {
    const auto pool = [] { return std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 2}); };
    push("Conv2d_1a_3x3", basic_conv({.in = channels, .out = 32, .kernel = 3, .stride = 2}));
    push("Conv2d_2a_3x3", basic_conv({.in = 32, .out = 32, .kernel = 3}));
    push("Conv2d_2b_3x3", basic_conv({.in = 32, .out = 64, .kernel = 3, .padding = 1}));
    push("maxpool1", pool());
    push("Conv2d_3b_1x1", basic_conv({.in = 64, .out = 80}));
    push("Conv2d_4a_3x3", basic_conv({.in = 80, .out = 192, .kernel = 3}));
    push("maxpool2", pool());
    return 192;
  }

  bool second_pass_;
  const nn::Layer* aux_fc_ = nullptr;
};

}  // namespace

void add_inception_v3(ModelFactory& factory) {
  factory.add<InceptionOptions>(
      "inception_v3", "Inception v3: modules of factorised convolutions, for 299 px",
      [](const InceptionOptions& options, const ModelRequest& request) { return build<InceptionV3>(options, request); },
      published_facts("inception_v3"));
}

}  // namespace mlrun::models
