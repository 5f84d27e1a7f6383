// What the options of models make of their shapes, their names and their layers. Shapes are those that torchvision's
// constructors give for the same arguments.

#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <map>

#include "models/named_model.h"
#include "models/parity.h"
#include "nn/branches.h"
#include "nn/layers.h"
#include "nn/pooling.h"
#include "support.h"

using namespace mlrun;

namespace {

using Sizes = std::vector<int64_t>;

std::map<std::string, Sizes> shapes_of(const nn::Layer& model) {
  std::map<std::string, Sizes> shapes;
  for (const auto& [name, tensor] : nn::state_dict(model)) shapes[name] = tensor.sizes().vec();
  return shapes;
}

struct OptionRow {
  const char* model;
  Json options;
  std::map<std::string, Sizes> shapes;  ///< of some of its tensors; without sizes: there is no such tensor
};

void check_rows(const std::vector<OptionRow>& rows, const models::ModelRequest& request = {}) {
  for (const auto& row : rows) {
    INFO(row.model << " " << row.options.dump());
    const auto made = shapes_of(*test::make_model(row.model, row.options, request));
    for (const auto& [name, sizes] : row.shapes) {
      INFO(name);
      if (sizes.empty()) CHECK(made.count(name) == 0);
      else if (made.count(name) == 0) FAIL_CHECK("is missing");
      else CHECK(made.at(name) == sizes);
    }
  }
}

template <class Kind>
std::vector<Kind*> layers_of(nn::Layer& model) {
  std::vector<Kind*> found;
  for (nn::Layer* layer : model.all_layers()) {
    if (auto* kind = dynamic_cast<Kind*>(layer)) found.push_back(kind);
  }
  return found;
}

/// Whether training's passes are random.
bool is_random(nn::Layer& model, const torch::Tensor& input) {
  const torch::NoGradGuard no_grad;
  model.train();
  torch::manual_seed(1);
  const torch::Tensor first = model.run({input}).front().clone();
  torch::manual_seed(2);
  return !first.equal(model.run({input}).front());
}

}  // namespace

TEST_CASE("a factor on widths rounds channels to multiples of eight, and never down by a tenth", "[models]") {
  check_rows({
      {"mobilenet_v2",
       {{"width_mult", 0.35}},
       {{"features.0.0.weight", {16, 3, 3, 3}},
        {"features.1.conv.1.weight", {8, 16, 1, 1}},
        {"features.18.0.weight", {1280, 112, 1, 1}},
        {"classifier.1.weight", {1000, 1280}}}},
      {"mobilenet_v2",
       {{"width_mult", 1.4}},
       {{"features.0.0.weight", {48, 3, 3, 3}},
        {"features.18.0.weight", {1792, 448, 1, 1}},
        {"classifier.1.weight", {1000, 1792}}}},
      {"mobilenet_v2",
       {{"width_mult", 0.5}, {"round_nearest", 4}},
       {{"features.0.0.weight", {16, 3, 3, 3}}, {"features.2.conv.2.weight", {12, 48, 1, 1}}}},
      {"mobilenet_v3_large",
       {{"width_mult", 0.75}},
       {{"features.0.0.weight", {16, 3, 3, 3}},
        {"features.1.block.0.0.weight", {16, 1, 3, 3}},
        {"features.16.0.weight", {720, 120, 1, 1}},
        {"classifier.0.weight", {960, 720}},
        {"classifier.3.weight", {1000, 960}}}},
      {"mobilenet_v3_small",
       {{"width_mult", 0.5}},
       {{"features.0.0.weight", {8, 3, 3, 3}},
        {"features.12.0.weight", {288, 48, 1, 1}},
        {"classifier.0.weight", {512, 288}}}},
      {"mobilenet_v3_large",
       {{"reduced_tail", true}},
       {{"features.16.0.weight", {480, 80, 1, 1}}, {"classifier.0.weight", {640, 480}}}},
      {"mobilenet_v3_small",
       {{"reduced_tail", true}},
       {{"features.12.0.weight", {288, 48, 1, 1}}, {"classifier.0.weight", {512, 288}}}},
      {"mnasnet0_5", Json::object(), {{"layers.0.weight", {16, 3, 3, 3}}, {"layers.6.weight", {8, 16, 1, 1}}}},
      {"mnasnet1_3", Json::object(), {{"layers.0.weight", {40, 3, 3, 3}}, {"layers.6.weight", {24, 40, 1, 1}}}},
  });
}

TEST_CASE("groups, widths and ratios change the layers that they name and no others", "[models]") {
  check_rows({
      {"resnet50",
       {{"groups", 32}, {"width_per_group", 4}},
       {{"layer1.0.conv2.weight", {128, 4, 3, 3}},
        {"layer4.2.conv2.weight", {1024, 32, 3, 3}},
        {"layer4.2.conv3.weight", {2048, 1024, 1, 1}}}},
      {"resnet101",
       {{"width_per_group", 32}},
       {{"layer1.0.conv2.weight", {32, 32, 3, 3}}, {"layer1.0.conv3.weight", {256, 32, 1, 1}}}},
      {"resnet34", {{"stem", "small"}}, {{"conv1.weight", {64, 3, 3, 3}}, {"fc.weight", {1000, 512}}}},
      {"densenet121",
       {{"bn_size", 2}},
       {{"features.denseblock1.denselayer1.conv1.weight", {64, 64, 1, 1}},
        {"features.denseblock1.denselayer1.conv2.weight", {32, 64, 3, 3}}}},
      {"regnet_y_400mf",
       {{"stem_width", 16}},
       {{"stem.0.weight", {16, 3, 3, 3}}, {"trunk_output.block1.block1-0.proj.0.weight", {48, 16, 1, 1}}}},
      {"swin_t",
       {{"mlp_ratio", 2}},
       {{"features.1.0.mlp.0.weight", {192, 96}}, {"features.7.1.mlp.3.weight", {768, 1536}}}},
      {"maxvit_t",
       {{"mlp_ratio", 2}, {"expansion_ratio", 2}},
       {{"blocks.0.layers.0.layers.MBconv.layers.conv_a.0.weight", {128, 64, 1, 1}}}},
      {"vit_b_16",
       {{"representation_size", 64}},
       {{"heads.pre_logits.weight", {64, 768}}, {"heads.head.weight", {1000, 64}}}},
      {"vit_b_32",
       {{"image_size", 64}},
       {{"encoder.pos_embedding", {1, 5, 768}}, {"conv_proj.weight", {768, 3, 32, 32}}}},
      {"vit_b_16", Json::object(), {{"encoder.pos_embedding", {1, 197, 768}}, {"heads.pre_logits.weight", {}}}},
      {"small_cnn", {{"width", 3}}, {{"stage2.conv.weight", {6, 3, 3, 3}}, {"fc.weight", {1000, 12}}}},
      {"unet",
       {{"width", 4}, {"depth", 2}},
       {{"inc.0.weight", {4, 3, 3, 3}},
        {"down1.conv.0.weight", {8, 4, 3, 3}},
        {"down2.conv.0.weight", {8, 8, 3, 3}},
        {"up1.conv.0.weight", {8, 16, 3, 3}},
        {"up2.conv.3.weight", {4, 4, 3, 3}},
        {"down3.conv.0.weight", {}}}},
      {"lraspp_mobilenet_v3_large",
       {{"inter_channels", 32}},
       {{"classifier.cbr.0.weight", {32, 960, 1, 1}}, {"classifier.high_classifier.weight", {1000, 32, 1, 1}}}},
  });
}

TEST_CASE("parts that an option takes away are not among the weights", "[models]") {
  check_rows({
      {"googlenet", Json::object(), {{"aux1.fc2.weight", {1000, 1024}}, {"aux2.conv.conv.weight", {128, 528, 1, 1}}}},
      {"googlenet", {{"aux_logits", false}}, {{"aux1.fc2.weight", {}}, {"aux2.fc1.weight", {}}}},
      {"inception_v3", Json::object(), {{"AuxLogits.fc.weight", {1000, 768}}}},
      {"inception_v3", {{"aux_logits", false}}, {{"AuxLogits.fc.weight", {}}}},
      {"fcn_resnet50", Json::object(), {{"aux_classifier.4.weight", {1000, 256, 1, 1}}}},
      {"fcn_resnet50",
       {{"aux_loss", false}},
       {{"aux_classifier.4.weight", {}}, {"classifier.4.weight", {1000, 512, 1, 1}}}},
      {"deeplabv3_mobilenet_v3_large",
       {{"aux_loss", false}},
       {{"aux_classifier.0.weight", {}}, {"classifier.4.weight", {1000, 256, 1, 1}}}},
  });
}

TEST_CASE("classes and channels change the first layer and the heads alone", "[models]") {
  struct Ends {
    const char* model;
    const char* first;
    std::vector<const char*> heads;
  };
  const std::vector<Ends> rows = {
      {"alexnet", "features.0.weight", {"classifier.6.weight", "classifier.6.bias"}},
      {"vgg13_bn", "features.0.weight", {"classifier.6.weight", "classifier.6.bias"}},
      {"resnet18", "conv1.weight", {"fc.weight", "fc.bias"}},
      {"squeezenet1_1", "features.0.weight", {"classifier.1.weight", "classifier.1.bias"}},
      {"densenet121", "features.conv0.weight", {"classifier.weight", "classifier.bias"}},
      {"googlenet",
       "conv1.conv.weight",
       {"fc.weight", "fc.bias", "aux1.fc2.weight", "aux1.fc2.bias", "aux2.fc2.weight", "aux2.fc2.bias"}},
      {"inception_v3",
       "Conv2d_1a_3x3.conv.weight",
       {"fc.weight", "fc.bias", "AuxLogits.fc.weight", "AuxLogits.fc.bias"}},
      {"mobilenet_v2", "features.0.0.weight", {"classifier.1.weight", "classifier.1.bias"}},
      {"mobilenet_v3_small", "features.0.0.weight", {"classifier.3.weight", "classifier.3.bias"}},
      {"mnasnet0_5", "layers.0.weight", {"classifier.1.weight", "classifier.1.bias"}},
      {"shufflenet_v2_x0_5", "conv1.0.weight", {"fc.weight", "fc.bias"}},
      {"efficientnet_b0", "features.0.0.weight", {"classifier.1.weight", "classifier.1.bias"}},
      {"regnet_x_400mf", "stem.0.weight", {"fc.weight", "fc.bias"}},
      {"convnext_tiny", "features.0.0.weight", {"classifier.2.weight", "classifier.2.bias"}},
      {"swin_t", "features.0.0.weight", {"head.weight", "head.bias"}},
      {"vit_b_32", "conv_proj.weight", {"heads.head.weight", "heads.head.bias"}},
      {"maxvit_t", "stem.0.0.weight", {"classifier.5.weight"}},
      {"preresnet110", "conv1.weight", {"fc.weight", "fc.bias"}},
      {"wide_resnet28_10", "conv1.weight", {"linear.weight", "linear.bias"}},
      {"unet", "inc.0.weight", {"outc.weight", "outc.bias"}},
      {"fcn_resnet50",
       "backbone.conv1.weight",
       {"classifier.4.weight", "classifier.4.bias", "aux_classifier.4.weight", "aux_classifier.4.bias"}},
  };
  for (const auto& row : rows) {
    INFO(row.model);
    const auto usual = shapes_of(*test::make_model(row.model, Json::object(), {5, 3}));
    const auto other = shapes_of(*test::make_model(row.model, Json::object(), {7, 2}));
    std::vector<std::string> changed, expected = {row.first};
    expected.insert(expected.end(), row.heads.begin(), row.heads.end());
    REQUIRE(usual.size() == other.size());
    for (const auto& [name, sizes] : usual) {
      if (other.at(name) == sizes) continue;
      changed.push_back(name);
      CHECK(sizes[name == row.first ? 1 : 0] == (name == row.first ? 3 : 5));
      CHECK(other.at(name)[name == row.first ? 1 : 0] == (name == row.first ? 2 : 7));
    }
    std::sort(expected.begin(), expected.end());
    CHECK(changed == expected);
    const auto set = shapes_of(*test::make_model(row.model, {{"num_classes", 9}}, {5, 3}));
    CHECK(set.at(row.heads.front())[0] == 9);
  }
}

TEST_CASE("dropout of an option is random in training and nothing in evaluation", "[models]") {
  struct DropRow {
    const char* model;
    Json none, much;
    int64_t size;
  };
  const std::vector<DropRow> rows = {
      {"small_cnn", {{"dropout", 0}}, {{"dropout", 0.9}}, 16},
      {"mobilenet_v3_small", {{"dropout", 0}}, {{"dropout", 0.9}}, 32},
      {"squeezenet1_1", {{"dropout", 0}}, {{"dropout", 0.9}}, 32},
      {"mnasnet0_5", {{"dropout", 0}}, {{"dropout", 0.9}}, 32},
      {"mobilenet_v2", {{"dropout", 0}}, {{"dropout", 0.9}}, 32},
      {"efficientnet_b0", {{"dropout", 0}, {"stochastic_depth_prob", 0}}, {{"dropout", 0.9}}, 32},
      {"efficientnet_b0",
       {{"dropout", 0}, {"stochastic_depth_prob", 0}},
       {{"dropout", 0}, {"stochastic_depth_prob", 0.9}},
       32},
  };
  for (const auto& row : rows) {
    INFO(row.model);
    const torch::Tensor input = test::formula({4, 3, row.size, row.size}).to(torch::kFloat);
    const auto plain = test::make_model(row.model, row.none, {6, 3}),
               dropping = test::make_model(row.model, row.much, {6, 3});
    for (const auto& model : {plain, dropping}) nn::initialise(*model, 3);
    CHECK_FALSE(is_random(*plain, input));
    CHECK(is_random(*dropping, input));
    const torch::NoGradGuard no_grad;
    nn::initialise(*plain, 3);
    nn::initialise(*dropping, 3);
    for (const auto& model : {plain, dropping}) model->eval();
    CHECK((*plain)(input).equal((*dropping)(input)));
  }
}

TEST_CASE("dilation of MobileNetV3's tail keeps its resolution and its weights' shapes", "[models]") {
  const auto plain = test::make_model("mobilenet_v3_large"),
             dilated = test::make_model("mobilenet_v3_large", {{"dilated", true}});
  CHECK(shapes_of(*plain) == shapes_of(*dilated));
  const auto most = [](nn::Layer& model) {
    int64_t largest = 0;
    for (const auto* conv : layers_of<nn::Conv2d>(model)) largest = std::max(largest, (*conv->options().dilation)[0]);
    return largest;
  };
  CHECK(most(*plain) == 1);
  CHECK(most(*dilated) == 2);
}

TEST_CASE("branches that begin at zero have last norms of zero, and blocks hand on their input", "[models]") {
  for (const char* name : {"resnet18", "resnet50"}) {
    INFO(name);
    const std::string last = name == std::string("resnet18") ? ".bn2.weight" : ".bn3.weight";
    for (const bool zero : {false, true}) {
      const auto model = test::make_model(name, {{"zero_init_residual", zero}}, {4, 3});
      nn::initialise(*model, 0);
      int64_t found = 0;
      for (const auto& [key, tensor] : nn::state_dict(*model)) {
        if (key.size() < last.size() || key.compare(key.size() - last.size(), last.size(), last) != 0) continue;
        ++found;
        CHECK(tensor.eq(zero ? 0 : 1).all().item<bool>());
      }
      CHECK(found == (name == std::string("resnet18") ? 8 : 16));
    }
  }
}

TEST_CASE("options out of their range are refused by key, range and value", "[models]") {
  struct Refusal {
    const char* model;
    const char* key;
    const char* value;
    const char* words;
  };
  const std::vector<Refusal> rows = {
      {"alexnet", "dropout", "1", "expected a number of at least 0 and below 1, got 1"},
      {"vgg11", "dropout", "-0.1", "expected a number of at least 0 and below 1, got -0.1"},
      {"resnet50", "groups", "0", "expected an integer from 1 to 4096, got 0"},
      {"resnet18", "stem", "tiny", "tiny"},
      {"resnet18", "groups", "2", "'groups' is an option of model resnet50"},
      {"mobilenet_v2", "width_mult", "0", "expected a number above 0 and at most 100, got 0"},
      {"mobilenet_v3_large", "width_mult", "1e30", "expected a number above 0 and at most 100, got 1e30"},
      {"mobilenet_v3_small", "stochastic_depth_prob", "1.1", "expected a number from 0 to 1, got 1.1"},
      {"swin_t", "mlp_ratio", "0.05", "expected a number from 0.1 to 64, got 0.05"},
      {"densenet121", "growth_rate", "1025", "expected an integer from 1 to 1024, got 1025"},
      {"densenet121", "block_config", "[1, 2, 3]", "model.block_config"},
      {"vit_b_16", "image_size", "8", "expected an integer from 16 to 4096"},
      {"maxvit_t", "squeeze_ratio", "0", "expected a number from 0.02 to 16, got 0"},
      {"unet", "depth", "8", "expected an integer from 1 to 7, got 8"},
      {"small_cnn", "width", "two", "expected an integer of at least 1, got \"two\""},
      {"fcn_resnet50", "norm", "layer", "layer"},
      {"convnext_tiny", "layer_scale", "yes", "expected a number"},
  };
  for (const auto& row : rows) {
    INFO(row.model << " " << row.key << "=" << row.value);
    const std::string key = std::string("model.") + row.key;
    const std::string text = test::user_error([&] { models::make_named(row.model, {{key, row.value}}); });
    CHECK(text.find(key) != std::string::npos);
    CHECK_THAT(text, Catch::Matchers::ContainsSubstring(row.words));
  }
}
