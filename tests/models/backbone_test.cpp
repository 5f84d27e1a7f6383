#include "models/backbone.h"

#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <map>

#include "models/parity.h"
#include "nn/recompute.h"
#include "nn/recompute_blocks.h"
#include "support.h"

using namespace mlrun;
using models::BackboneOptions;
using models::make_backbone;

namespace {

torch::Tensor shape_only(std::vector<int64_t> shape) { return torch::empty(shape, torch::kMeta); }

BackboneOptions backbone_options(const Json& values) { return test::options_of<BackboneOptions>(values); }

models::Backbone made(const std::string& name, const Json& values = Json::object()) {
  return make_backbone(name, backbone_options(values));
}

std::string refusal(const std::string& name, const Json& values) {
  return test::user_error([&] { made(name, values); });
}

/// "name channels/stride" of each level.
std::string levels_of(const models::Backbone& backbone) {
  std::string text;
  for (const auto& level : backbone.levels) {
    text += (text.empty() ? "" : ", ") + level.name + " " + std::to_string(level.channels) + "/" +
            std::to_string(level.stride);
  }
  return text;
}

/// What a recipe's check says of the options.
std::string broken_rules(const Json& values) {
  const auto options = backbone_options(values);
  std::string text;
  const auto spec = config::spec_of<BackboneOptions>();
  for (const auto& rule : spec->rules) {
    const std::string wrong = rule.broken(&options);
    if (!wrong.empty()) text += rule.key + ": " + wrong;
  }
  return text;
}

int64_t count_trainable(const nn::Layer& layer) {
  int64_t count = 0;
  for (const auto& parameter : layer.parameters()) count += parameter.requires_grad();
  return count;
}

/// Children of the body whose parameters all stay as they are.
std::string frozen_children(const nn::Layer& body) {
  std::string names;
  for (const auto& child : body.layers()) {
    if (!child->parameters().empty() && count_trainable(*child) == 0) names += child->path() + " ";
  }
  return names;
}

template <class L>
int64_t count_layers(nn::Layer& model) {
  const auto layers = model.all_layers();
  return std::count_if(layers.begin(), layers.end(), [](nn::Layer* layer) { return dynamic_cast<L*>(layer); });
}

class CallCensus : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    ++calls[&layer];
    return proceed(inputs);
  }
  std::map<nn::Layer*, int> calls;
};

/// The classifier's key of a body's: the last of its keys that end so.
bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

nn::Tensors step_gradients(nn::Layer& body, const torch::Tensor& images) {
  torch::Tensor loss = torch::zeros({}, images.options());
  for (const auto& level : body.run({images})) loss = loss + level.square().mean();
  loss.backward();
  nn::Tensors gradients;
  for (auto& parameter : body.parameters()) {
    gradients.push_back(parameter.grad().defined() ? parameter.grad().clone() : torch::Tensor());
    parameter.mutable_grad() = torch::Tensor();
  }
  return gradients;
}

}  // namespace

TEST_CASE("every backbone gives its levels under its ports, with the channels and strides that it says", "[models]") {
  const torch::NoGradGuard no_grad;
  for (const auto& name : models::backbones().names()) {
    INFO(name);
    const auto backbone = made(name);
    REQUIRE(backbone.levels.size() >= 4);
    const auto ports = backbone.body->interface().outputs;
    const nn::Tensors maps = backbone.body->run({shape_only({3, 3, 128, 192})});
    REQUIRE(maps.size() == backbone.levels.size());
    REQUIRE(ports.size() == backbone.levels.size());
    for (std::size_t i = 0; i < maps.size(); ++i) {
      const auto& level = backbone.levels[i];
      INFO(level.name);
      CHECK(ports[i].name == level.name);
      CHECK(maps[i].sizes() == torch::IntArrayRef({3, level.channels, 128 / level.stride, 192 / level.stride}));
    }
    for (const auto& map : backbone.body->run({shape_only({1, 3, 97, 65})})) CHECK(map.numel() > 0);
  }
}

TEST_CASE("every backbone has the keys and shapes of the classifier of its name", "[models]") {
  for (const auto& name : models::backbones().names()) {
    INFO(name);
    const auto classifier = nn::state_dict(*test::make_model(name));
    const auto body = nn::state_dict(*made(name).body);
    REQUIRE(body.size() < classifier.size());
    for (std::size_t i = 0; i < body.size(); ++i) {
      const std::string& key = classifier[i].first;
      INFO(key);
      const std::string container = key.substr(0, key.size() - std::min(key.size(), body[i].first.size()));
      REQUIRE(ends_with(key, body[i].first));
      REQUIRE((container.empty() || container == "features." || container == "layers."));
      REQUIRE(body[i].second.sizes() == classifier[i].second.sizes());
    }
  }
}

TEST_CASE("a backbone begins with the bits of its classifier", "[models]") {
  for (const char* name : {"resnet18", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "shufflenet_v2_x0_5",
                           "efficientnet_b0", "regnet_y_400mf", "densenet121"}) {
    INFO(name);
    const auto classifier = test::make_model(name);
    nn::initialise(*classifier, 5);
    const auto after_classifier = torch::rand({3});
    const auto backbone = made(name);
    nn::initialise(*backbone.body, 5);
    CHECK(torch::equal(torch::rand({3}), after_classifier));
    const auto all = nn::state_dict(*classifier), own = nn::state_dict(*backbone.body);
    int64_t different = 0;
    for (std::size_t i = 0; i < own.size(); ++i) different += !torch::equal(own[i].second, all[i].second);
    CHECK(different == 0);
  }
}

TEST_CASE("levels are proposed by each architecture", "[models]") {
  CHECK(levels_of(made("resnet18")) == "layer1 64/4, layer2 128/8, layer3 256/16, layer4 512/32");
  CHECK(levels_of(made("resnet50")) == "layer1 256/4, layer2 512/8, layer3 1024/16, layer4 2048/32");
  CHECK(levels_of(made("mobilenet_v2")) == "0 32/2, 2 24/4, 4 32/8, 7 64/16, 14 160/32, 18 1280/32");
  CHECK(levels_of(made("mobilenet_v3_large")) == "0 16/2, 2 24/4, 4 40/8, 7 80/16, 13 160/32, 16 960/32");
  CHECK(levels_of(made("vgg16")) == "3 64/1, 8 128/2, 15 256/4, 22 512/8, 29 512/16, 30 512/32");
  CHECK(levels_of(made("vgg11_bn")) == "2 64/1, 6 128/2, 13 256/4, 20 512/8, 27 512/16, 28 512/32");
  CHECK(levels_of(made("efficientnet_b0")) == "1 16/2, 2 24/4, 3 40/8, 5 112/16, 8 1280/32");
  CHECK(levels_of(made("regnet_x_400mf")) == "stem 32/2, block1 32/4, block2 64/8, block3 160/16, block4 400/32");
  CHECK(levels_of(made("convnext_tiny")) == "1 96/4, 3 192/8, 5 384/16, 7 768/32");
  CHECK(levels_of(made("densenet121")) ==
        "relu0 64/2, denseblock1 256/4, denseblock2 512/8, denseblock3 1024/16, norm5 1024/32");
  CHECK(levels_of(made("mnasnet0_5")) == "7 8/2, 8 16/4, 9 24/8, 11 48/16, 16 1280/32");
  CHECK(levels_of(made("shufflenet_v2_x0_5")) == "conv1 24/2, maxpool 24/4, stage2 48/8, stage3 96/16, conv5 1024/32");
}

TEST_CASE("levels that are chosen come in the order of the layers, and layers behind them are not built", "[models]") {
  const auto short_one = made("resnet50", {{"levels", {"layer3", "layer2"}}});
  CHECK(levels_of(short_one) == "layer2 512/8, layer3 1024/16");
  CHECK(short_one.body->layers().back()->path() == "layer3");
  CHECK(levels_of(made("resnet18", {{"levels", {"relu", "maxpool", "layer1"}}})) ==
        "relu 64/2, maxpool 64/4, layer1 64/4");
  CHECK(levels_of(made("efficientnet_b0", {{"levels", {"7"}}})) == "7 320/32");
  const auto nested = made("regnet_x_400mf", {{"levels", {"block2"}}});
  CHECK(levels_of(nested) == "block2 64/8");
  CHECK(nn::state_dict(*nested.body).back().first.rfind("trunk_output.block2.block2-", 0) == 0);
  CHECK(made("regnet_x_400mf", {{"levels", {"stem"}}}).body->layers().size() == 1);
  CHECK(refusal("resnet18", {{"levels", {"layer1", "layer5"}}}) ==
        "model.backbone.levels.1: 'layer5' is no level of resnet18; choose of relu, maxpool, layer1, layer2, layer3, "
        "layer4");
  CHECK(refusal("vgg11", {{"levels", {"0"}}})
            .rfind("model.backbone.levels.0: '0' is no level of vgg11; choose of 1, 2, 4, 5, 7, 9, 10, ", 0) == 0);
}

TEST_CASE("an unknown backbone is told with the nearest names, and a task says where its options stand", "[models]") {
  CHECK(test::user_error([] {
          make_backbone("resnet51");
        }).rfind("there is no backbone named 'resnet51'; did you mean resnet50", 0) == 0);
  CHECK(test::user_error([] {
          make_backbone("resnet18", backbone_options({{"trainable_stages", 6}}), {3, "model.body"});
        }) == "model.body.trainable_stages: is 6, and resnet18 has 5 stages; leave it out to train all");
}

TEST_CASE("dilation takes the place of strides, and what does not fit is refused", "[models]") {
  const char* kDilation = "replace_stride_with_dilation";
  CHECK(levels_of(made("resnet50", {{kDilation, {false, true, true}}})) ==
        "layer1 256/4, layer2 512/8, layer3 1024/8, layer4 2048/8");
  CHECK(levels_of(made("resnet101", {{kDilation, {false, false, true}}})) ==
        "layer1 256/4, layer2 512/8, layer3 1024/16, layer4 2048/16");
  CHECK(levels_of(made("mobilenet_v3_small", {{kDilation, {true}}})) ==
        "0 16/2, 1 16/4, 2 24/8, 4 40/16, 9 96/16, 12 576/16");
  const torch::NoGradGuard no_grad;
  const auto maps = made("resnet50", {{kDilation, {false, true, true}}}).body->run({shape_only({1, 3, 65, 33})});
  CHECK(maps.back().sizes() == torch::IntArrayRef({1, 2048, 9, 5}));
  CHECK(
      refusal("resnet50", {{kDilation, {true}}}) ==
      "model.backbone.replace_stride_with_dilation: has 1 values, and resnet50 takes 3; give one for each of its last "
      "stages, as [false, true, true]");
  CHECK(
      refusal("mobilenet_v3_large", {{kDilation, {false, true, true}}}) ==
      "model.backbone.replace_stride_with_dilation: has 3 values, and mobilenet_v3_large takes 1; give one for each of "
      "its last stages, as [true]");
  CHECK(refusal("resnet34", {{kDilation, {false, false, true}}}) ==
        "model.backbone.replace_stride_with_dilation: does not apply to resnet34; leave it out");
}

TEST_CASE("stages before those that train stay as they are", "[models]") {
  CHECK(frozen_children(*made("resnet18").body).empty());
  CHECK(frozen_children(*made("resnet18", {{"trainable_stages", 5}}).body).empty());
  CHECK(frozen_children(*made("resnet18", {{"trainable_stages", 4}}).body) == "conv1 bn1 ");
  CHECK(frozen_children(*made("resnet18", {{"trainable_stages", 3}}).body) == "conv1 bn1 layer1 ");
  CHECK(frozen_children(*made("resnet18", {{"trainable_stages", 1}}).body) == "conv1 bn1 layer1 layer2 layer3 ");
  CHECK(count_trainable(*made("resnet18", {{"trainable_stages", 0}}).body) == 0);
  CHECK(frozen_children(*made("mobilenet_v3_large", {{"trainable_stages", 6}}).body).empty());
  CHECK(frozen_children(*made("mobilenet_v3_large", {{"trainable_stages", 4}}).body) == "0 1 2 3 ");
  CHECK(frozen_children(*made("mobilenet_v2", {{"trainable_stages", 2}}).body) == "0 1 2 3 4 5 6 7 8 9 10 11 12 13 ");
  CHECK(frozen_children(*made("vgg11", {{"trainable_stages", 4}}).body) == "0 ");
  CHECK(frozen_children(*made("vgg11", {{"trainable_stages", 5}}).body).empty());
  CHECK(refusal("vgg11", {{"trainable_stages", 6}}) ==
        "model.backbone.trainable_stages: is 6, and vgg11 has 5 stages; leave it out to train all");
  CHECK(frozen_children(*made("convnext_tiny", {{"trainable_stages", 3}}).body) == "0 1 ");
  CHECK(frozen_children(*made("efficientnet_b0", {{"trainable_stages", 1}}).body) == "0 1 2 3 4 5 ");
  const auto regnet = made("regnet_x_400mf", {{"trainable_stages", 2}});
  for (const auto& item : regnet.body->named_parameters()) {
    INFO(item.key());
    const bool late = item.key().find("block3") != std::string::npos || item.key().find("block4") != std::string::npos;
    CHECK(item.value().requires_grad() == late);
  }
}

TEST_CASE("frozen norms change in no training and have nothing to train", "[models]") {
  const auto backbone = made("resnet18", {{"norm", "frozen"}});
  nn::Layer& body = *backbone.body;
  nn::initialise(body, 0);
  CHECK(count_layers<nn::FrozenBatchNorm2d>(body) == 20);
  CHECK(count_layers<nn::BatchNorm>(body) == 0);
  for (const auto& item : nn::state_dict(body)) CHECK_FALSE(ends_with(item.first, "num_batches_tracked"));
  CHECK(body.parameters().size() == 20);  // convolutions alone
  nn::Tensors before;
  for (const auto& buffer : body.buffers()) before.push_back(buffer.clone());
  REQUIRE(before.size() == 80);
  body.train();
  const auto images = test::formula({1, 3, 32, 32}).to(torch::kFloat);  // one sample: there is no batch to normalize by
  for (const auto& gradient : step_gradients(body, images)) CHECK(gradient.abs().sum().item<double>() > 0);
  const auto buffers = body.buffers();
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(torch::equal(buffers[i], before[i]));
  const torch::NoGradGuard no_grad;
  const auto trained = body.run({images});
  body.eval();
  CHECK(torch::equal(body.run({images}).back(), trained.back()));
}

TEST_CASE("a backbone's norms have the constants of the architecture, of upstream's frozen norm, or one's own",
          "[models]") {
  const auto first = [](const std::string& name, const Json& values) {
    const auto backbone = made(name, values);
    for (nn::Layer* layer : backbone.body->all_layers()) {
      if (const auto* norm = dynamic_cast<nn::BatchNorm*>(layer)) {
        return std::make_tuple(norm->type(), norm->options().eps, norm->options().momentum);
      }
      if (const auto* norm = dynamic_cast<nn::FrozenBatchNorm2d*>(layer)) {
        return std::make_tuple(norm->type(), norm->eps(), 0.0);
      }
    }
    return std::make_tuple(std::string(), 0.0, 0.0);
  };
  using Found = std::tuple<std::string, double, double>;
  CHECK(first("resnet18", {}) == Found("BatchNorm2d", 1e-5, 0.1));
  CHECK(first("mobilenet_v3_small", {}) == Found("BatchNorm2d", 0.001, 0.01));
  CHECK(first("mobilenet_v3_small", {{"norm", "batch"}}) == Found("BatchNorm2d", 0.001, 0.01));
  CHECK(first("mobilenet_v3_small", {{"norm", "sync"}}) == Found("SyncBatchNorm", 0.001, 0.01));
  CHECK(first("mobilenet_v3_small", {{"norm", "batch"}, {"norm_eps", 1e-5}, {"norm_momentum", 0.1}}) ==
        Found("BatchNorm2d", 1e-5, 0.1));
  CHECK(first("mobilenet_v3_small", {{"norm", "frozen"}}) == Found("FrozenBatchNorm2d", 1e-5, 0));
  CHECK(first("efficientnet_b7", {{"norm", "frozen"}, {"norm_eps", 0.0}}) == Found("FrozenBatchNorm2d", 0, 0));
  CHECK(first("efficientnet_v2_s", {}) == Found("BatchNorm2d", 0.001, 0.1));
}

TEST_CASE("norms of all kinds stand where batch norms stood, in every family that has them", "[models]") {
  const torch::NoGradGuard no_grad;
  for (const char* name :
       {"resnet18", "resnext50_32x4d", "mobilenet_v2", "mobilenet_v3_small", "mnasnet1_0", "shufflenet_v2_x1_0",
        "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf", "vgg11_bn", "densenet121"}) {
    INFO(name);
    const auto plain = made(name);
    const int64_t norms = count_layers<nn::BatchNorm2d>(*plain.body);
    REQUIRE(norms > 0);
    CHECK(count_layers<nn::SyncBatchNorm>(*made(name, {{"norm", "sync"}}).body) == norms);
    CHECK(count_layers<nn::FrozenBatchNorm2d>(*made(name, {{"norm", "frozen"}}).body) == norms);
    const auto grouped = made(name, {{"norm", "group"}, {"norm_groups", 2}});
    CHECK(count_layers<nn::GroupNorm>(*grouped.body) == norms);
    CHECK(count_layers<nn::BatchNorm>(*grouped.body) == 0);
    CHECK(grouped.body->run({shape_only({1, 3, 64, 64})}).size() == plain.levels.size());
  }
}

TEST_CASE("norms that do not fit are refused", "[models]") {
  CHECK(refusal("convnext_tiny", {{"norm", "frozen"}}) ==
        "model.backbone.norm: does not apply to convnext_tiny, which has no batch norms; leave it out");
  CHECK(refusal("vgg16", {{"norm", "sync"}}) ==
        "model.backbone.norm: does not apply to vgg16, which has no batch norms; leave it out");
  CHECK(refusal("mobilenet_v3_small", {{"norm", "group"}}) ==
        "a group norm of 32 groups does not divide 16 channels; take a number of groups that divides the channels of "
        "every layer, as 8");
  CHECK(broken_rules({{"norm", "frozen"}, {"norm_momentum", 0.5}}) ==
        "norm_momentum: does not apply to frozen norms, which update no statistics");
  CHECK(broken_rules({{"norm", "group"}, {"norm_momentum", 0.5}}) ==
        "norm_momentum: does not apply to group norms, which update no statistics");
  CHECK(broken_rules({{"norm_groups", 8}}) == "norm_groups: applies to norm: group alone");
  CHECK(broken_rules({{"norm", "group"}, {"norm_groups", 8}}).empty());
  CHECK(broken_rules({{"norm", "sync"}, {"norm_momentum", 0.5}}).empty());
}

TEST_CASE("in one process a synchronised norm is a batch norm, to the bit", "[models]") {
  const auto plain = made("mobilenet_v2"), sync = made("mobilenet_v2", {{"norm", "sync"}});
  const auto images = test::formula({2, 3, 33, 47}).to(torch::kFloat);
  for (const auto* backbone : {&plain, &sync}) nn::initialise(*backbone->body, 2);
  const auto a = step_gradients(*plain.body, images), b = step_gradients(*sync.body, images);
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(torch::equal(a[i], b[i]));
  const auto left = nn::state_dict(*plain.body), right = nn::state_dict(*sync.body);
  REQUIRE(left.size() == right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    CHECK(left[i].first == right[i].first);
    CHECK(torch::equal(left[i].second, right[i].second));
  }
}

TEST_CASE("what a backbone makes of one image does not depend on its batch", "[models]") {
  const torch::NoGradGuard no_grad;
  for (const char* name : {"resnet18", "mobilenet_v3_small", "regnet_x_400mf", "shufflenet_v2_x0_5"}) {
    INFO(name);
    for (const Json& values : {Json::object(), Json{{"norm", "frozen"}}, Json{{"norm", "group"}, {"norm_groups", 4}}}) {
      if (std::string(name) == "shufflenet_v2_x0_5" && values.contains("norm_groups")) continue;
      const auto backbone = made(name, values);
      nn::initialise(*backbone.body, 0);
      backbone.body->eval();
      const auto images = test::formula({3, 3, 70, 51}).to(torch::kFloat);
      const auto all = backbone.body->run({images}), one = backbone.body->run({images.slice(0, 1, 2)});
      for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(torch::allclose(one[i], all[i].slice(0, 1, 2), 1e-4, 1e-5));
      }
    }
  }
}

TEST_CASE("images of other channels, and images that are too small", "[models]") {
  const auto gray = make_backbone("resnet18", {}, {1});
  CHECK(nn::state_dict(*gray.body).front().second.sizes() == torch::IntArrayRef({64, 1, 7, 7}));
  nn::initialise(*gray.body, 0);
  CHECK(gray.body->run({torch::zeros({2, 1, 40, 40})}).size() == 4);
  CHECK(test::user_error([] {
          made("vgg11").body->run({shape_only({1, 3, 20, 20})});
        }) ==
        "the images are too small for this model: 1x1 pixels are left of them at 20; bring them to a larger size in "
        "data.augment and data.preprocess");
}

TEST_CASE("interceptors see every layer of a backbone, and recomputed blocks give the same gradients", "[models]") {
  for (const char* name : {"resnet18", "mobilenet_v3_small", "regnet_x_400mf", "densenet121"}) {
    INFO(name);
    const auto backbone = made(name);
    nn::Layer& body = *backbone.body;
    CallCensus census;
    {
      const nn::InterceptorScope scope(body, census);
      const torch::NoGradGuard no_grad;
      body.run({shape_only({1, 3, 64, 64})});
    }
    for (nn::Layer* layer : body.all_layers()) {
      INFO(layer->path());
      CHECK(census.calls[layer] == 1);
    }
    // In float64: what reaches a level is summed in another order, for its block is one function.
    const auto images = test::formula({2, 3, 48, 64});
    nn::initialise(body, 3);
    test::widen(body);
    const auto kept = step_gradients(body, images);
    nn::Recompute recompute(body);
    const nn::InterceptorScope scope(body, recompute);
    const auto again = step_gradients(body, images);
    CHECK(nn::recompute_blocks(body).layers.size() > 4);
    for (std::size_t i = 0; i < kept.size(); ++i) CHECK(torch::allclose(kept[i], again[i], 1e-8, 1e-12));
  }
}

TEST_CASE("a backbone lies under any name in a larger model", "[models]") {
  nn::Sequential model("Detector");
  class Holder : public nn::Layer {
   public:
    explicit Holder(std::shared_ptr<nn::Layer> body) : Layer("BackboneWithFPN") {
      body_ = add("body", std::move(body));
    }
    using Layer::forward;
    nn::Tensors forward(const nn::Tensors& inputs) override { return call(*body_, inputs); }

   private:
    std::shared_ptr<nn::Layer> body_;
  };
  const auto backbone = made("resnet18", {{"norm", "frozen"}});
  model.push("backbone", std::make_shared<Holder>(backbone.body));
  nn::name_layers(model);
  const auto state = nn::state_dict(model);
  CHECK(state.front().first == "backbone.body.conv1.weight");
  CHECK(state.back().first == "backbone.body.layer4.1.bn2.running_var");
  CHECK(backbone.body->path() == "backbone.body");
  nn::initialise(model, 4);
  const auto alone = made("resnet18", {{"norm", "frozen"}});
  nn::initialise(*alone.body, 4);
  CHECK(test::digest(state) == test::digest(nn::state_dict(*alone.body)));
}
