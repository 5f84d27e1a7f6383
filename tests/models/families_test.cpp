// Every member of every family: how many blocks it has, and the maps that its body gives. Numbers are those of the
// papers' tables as torchvision builds them.

#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "models/backbone.h"
#include "models/classifiers.h"
#include "models/heads.h"
#include "models/listing.h"
#include "models/named_model.h"
#include "models/parity.h"
#include "models/published.h"
#include "nn/layers.h"
#include "support.h"

using namespace mlrun;

namespace {

int64_t count_blocks(nn::Layer& model) {
  const auto layers = model.all_layers();
  return std::count_if(layers.begin(), layers.end(), [](const nn::Layer* layer) { return layer->is_block(); });
}

/// `name channels/stride` of each level.
std::string maps_of(const std::string& name) {
  std::string text;
  for (const auto& level : models::make_backbone(name).levels) {
    text += (text.empty() ? "" : ", ") + level.name + " " + std::to_string(level.channels) + "/" +
            std::to_string(level.stride);
  }
  return text;
}

/// The facts of one model, as `mlrun list` gives them.
Json listed(const std::string& name) {
  models::ListQuery query;
  query.pattern = name;
  const auto found = models::list_models(query);
  REQUIRE(found.size() == 1);
  return found.front();
}

int64_t trainable(const nn::Layer& model) {
  int64_t count = 0;
  for (const auto& parameter : model.parameters()) count += parameter.requires_grad();
  return count;
}

}  // namespace

TEST_CASE("each member of a family has as many blocks as its table says", "[models]") {
  const std::vector<std::pair<const char*, int64_t>> rows = {
      {"resnet18", 8},
      {"resnet34", 16},
      {"resnet50", 16},
      {"resnet101", 33},
      {"resnet152", 50},
      {"resnext50_32x4d", 16},
      {"resnext101_32x8d", 33},
      {"resnext101_64x4d", 33},
      {"wide_resnet50_2", 16},
      {"wide_resnet101_2", 33},
      {"mobilenet_v2", 17},
      {"mobilenet_v3_small", 11},
      {"mobilenet_v3_large", 15},
      {"mnasnet0_5", 16},
      {"mnasnet1_3", 16},
      {"shufflenet_v2_x0_5", 16},
      {"shufflenet_v2_x2_0", 16},
      {"efficientnet_b0", 16},
      {"efficientnet_b1", 23},
      {"efficientnet_b2", 23},
      {"efficientnet_b3", 26},
      {"efficientnet_b4", 32},
      {"efficientnet_b5", 39},
      {"efficientnet_b6", 45},
      {"efficientnet_b7", 55},
      {"efficientnet_v2_s", 40},
      {"efficientnet_v2_m", 57},
      {"efficientnet_v2_l", 79},
      {"regnet_y_400mf", 16},
      {"regnet_y_800mf", 14},
      {"regnet_y_1_6gf", 27},
      {"regnet_y_3_2gf", 21},
      {"regnet_y_8gf", 17},
      {"regnet_y_16gf", 18},
      {"regnet_y_32gf", 20},
      {"regnet_x_400mf", 22},
      {"regnet_x_800mf", 16},
      {"regnet_x_1_6gf", 18},
      {"regnet_x_3_2gf", 25},
      {"regnet_x_8gf", 23},
      {"regnet_x_16gf", 22},
      {"regnet_x_32gf", 23},
      {"convnext_tiny", 18},
      {"convnext_small", 36},
      {"convnext_base", 36},
      {"densenet121", 58},
      {"densenet169", 82},
      {"densenet201", 98},
      {"densenet161", 78},
      {"vit_b_16", 12},
      {"vit_l_16", 24},
      {"vit_h_14", 32},
      {"squeezenet1_0", 8},
      {"squeezenet1_1", 8},
      {"preresnet110", 36},
      {"preresnet164", 54},
      {"wide_resnet28_10", 12},
      {"mobilenet_multi_avg", 16},
      {"mobilenet_multi_avg_seg", 16},
  };
  for (const auto& [name, blocks] : rows) {
    INFO(name);
    CHECK(count_blocks(*test::make_model(name)) == blocks);
  }
}

TEST_CASE("the maps of each member grow with it, at the same strides", "[models]") {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"resnet34", "layer1 64/4, layer2 128/8, layer3 256/16, layer4 512/32"},
      {"resnet152", "layer1 256/4, layer2 512/8, layer3 1024/16, layer4 2048/32"},
      {"resnext50_32x4d", "layer1 256/4, layer2 512/8, layer3 1024/16, layer4 2048/32"},
      {"wide_resnet101_2", "layer1 256/4, layer2 512/8, layer3 1024/16, layer4 2048/32"},
      {"mobilenet_v3_small", "0 16/2, 1 16/4, 2 24/8, 4 40/16, 9 96/32, 12 576/32"},
      {"mnasnet0_75", "7 16/2, 8 24/4, 9 32/8, 11 72/16, 16 1280/32"},
      {"mnasnet1_0", "7 16/2, 8 24/4, 9 40/8, 11 96/16, 16 1280/32"},
      {"mnasnet1_3", "7 24/2, 8 32/4, 9 56/8, 11 128/16, 16 1280/32"},
      {"shufflenet_v2_x1_0", "conv1 24/2, maxpool 24/4, stage2 116/8, stage3 232/16, conv5 1024/32"},
      {"shufflenet_v2_x1_5", "conv1 24/2, maxpool 24/4, stage2 176/8, stage3 352/16, conv5 1024/32"},
      {"shufflenet_v2_x2_0", "conv1 24/2, maxpool 24/4, stage2 244/8, stage3 488/16, conv5 2048/32"},
      {"efficientnet_b1", "1 16/2, 2 24/4, 3 40/8, 5 112/16, 8 1280/32"},
      {"efficientnet_b2", "1 16/2, 2 24/4, 3 48/8, 5 120/16, 8 1408/32"},
      {"efficientnet_b3", "1 24/2, 2 32/4, 3 48/8, 5 136/16, 8 1536/32"},
      {"efficientnet_b4", "1 24/2, 2 32/4, 3 56/8, 5 160/16, 8 1792/32"},
      {"efficientnet_b5", "1 24/2, 2 40/4, 3 64/8, 5 176/16, 8 2048/32"},
      {"efficientnet_b6", "1 32/2, 2 40/4, 3 72/8, 5 200/16, 8 2304/32"},
      {"efficientnet_b7", "1 32/2, 2 48/4, 3 80/8, 5 224/16, 8 2560/32"},
      {"efficientnet_v2_s", "1 24/2, 2 48/4, 3 64/8, 5 160/16, 7 1280/32"},
      {"efficientnet_v2_m", "1 24/2, 2 48/4, 3 80/8, 5 176/16, 8 1280/32"},
      {"efficientnet_v2_l", "1 32/2, 2 64/4, 3 96/8, 5 224/16, 8 1280/32"},
      {"regnet_y_400mf", "stem 32/2, block1 48/4, block2 104/8, block3 208/16, block4 440/32"},
      {"regnet_y_800mf", "stem 32/2, block1 64/4, block2 144/8, block3 320/16, block4 784/32"},
      {"regnet_y_1_6gf", "stem 32/2, block1 48/4, block2 120/8, block3 336/16, block4 888/32"},
      {"regnet_y_3_2gf", "stem 32/2, block1 72/4, block2 216/8, block3 576/16, block4 1512/32"},
      {"regnet_y_8gf", "stem 32/2, block1 224/4, block2 448/8, block3 896/16, block4 2016/32"},
      {"regnet_y_16gf", "stem 32/2, block1 224/4, block2 448/8, block3 1232/16, block4 3024/32"},
      {"regnet_y_32gf", "stem 32/2, block1 232/4, block2 696/8, block3 1392/16, block4 3712/32"},
      {"regnet_x_800mf", "stem 32/2, block1 64/4, block2 128/8, block3 288/16, block4 672/32"},
      {"regnet_x_1_6gf", "stem 32/2, block1 72/4, block2 168/8, block3 408/16, block4 912/32"},
      {"regnet_x_3_2gf", "stem 32/2, block1 96/4, block2 192/8, block3 432/16, block4 1008/32"},
      {"regnet_x_8gf", "stem 32/2, block1 80/4, block2 240/8, block3 720/16, block4 1920/32"},
      {"regnet_x_16gf", "stem 32/2, block1 256/4, block2 512/8, block3 896/16, block4 2048/32"},
      {"regnet_x_32gf", "stem 32/2, block1 336/4, block2 672/8, block3 1344/16, block4 2520/32"},
      {"convnext_small", "1 96/4, 3 192/8, 5 384/16, 7 768/32"},
      {"convnext_base", "1 128/4, 3 256/8, 5 512/16, 7 1024/32"},
      {"convnext_large", "1 192/4, 3 384/8, 5 768/16, 7 1536/32"},
      {"densenet161", "relu0 96/2, denseblock1 384/4, denseblock2 768/8, denseblock3 2112/16, norm5 2208/32"},
      {"densenet169", "relu0 64/2, denseblock1 256/4, denseblock2 512/8, denseblock3 1280/16, norm5 1664/32"},
      {"densenet201", "relu0 64/2, denseblock1 256/4, denseblock2 512/8, denseblock3 1792/16, norm5 1920/32"},
      {"vgg11", "1 64/1, 4 128/2, 9 256/4, 14 512/8, 19 512/16, 20 512/32"},
      {"vgg13", "3 64/1, 8 128/2, 13 256/4, 18 512/8, 23 512/16, 24 512/32"},
      {"vgg19", "3 64/1, 8 128/2, 17 256/4, 26 512/8, 35 512/16, 36 512/32"},
  };
  for (const auto& [name, maps] : rows) {
    INFO(name);
    CHECK(maps_of(name) == maps);
  }
}

TEST_CASE("what is listed of a model is counted of itself and published by torchvision", "[models]") {
  struct ListedRow {
    const char* name;
    int64_t params;
    double gmacs;  ///< torchvision's documentation, three decimals
    int64_t size;
  };
  const std::vector<ListedRow> rows = {
      {"mobilenet_v2", 3504872, 0.301, 224},       {"mnasnet1_0", 4383312, 0.314, 224},
      {"shufflenet_v2_x1_0", 2278604, 0.145, 224}, {"efficientnet_b0", 5288548, 0.386, 224},
      {"regnet_y_400mf", 4344144, 0.402, 224},     {"regnet_x_400mf", 5495976, 0.414, 224},
      {"convnext_tiny", 28589128, 4.456, 224},     {"vit_b_32", 88224232, 4.409, 224},
      {"vgg16", 138357544, 15.470, 224},           {"wide_resnet50_2", 68883240, 11.398, 224},
      {"resnext50_32x4d", 25028904, 4.230, 224},   {"googlenet", 6624904, 1.498, 224},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const Json model = listed(row.name);
    if (row.name != std::string("googlenet")) CHECK(model.at("params") == row.params);
    CHECK(model.at("input_size") == row.size);
    CHECK(model.at("macs").get<double>() / 1e9 == Approx(row.gmacs).epsilon(0.01));
    CHECK(model.at("metrics").at("acc1") == models::published_at("IMAGENET1K_V1", row.name).figure("acc1"));
    CHECK(model.at("task") == "classification");
  }
  CHECK(listed("small_cnn").at("metrics").is_null());
  CHECK(listed("preresnet164").at("metrics").at("data") == "CIFAR-10");
  CHECK(listed("unet").at("task") == "segmentation");
}

TEST_CASE("published weights lie in order, and each entry's facts are its model's", "[models]") {
  const auto all = models::published_weights();
  std::map<std::string, std::set<std::string>> entries;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const models::PublishedWeights& weights = all[i];
    INFO(weights.name());
    if (i > 0 && all[i - 1].data == weights.data) CHECK(std::string(all[i - 1].model) <= weights.model);
    CHECK(entries[weights.model].insert(weights.entry).second);
    CHECK(&models::published_at(weights.name()) == &weights);
    CHECK(models::find_published(std::string(weights.group) + "." + weights.entry) == &weights);
    CHECK(models::find_published(weights.entry, weights.model) == &weights);
    const std::string interpolation = weights.interpolation;
    CHECK((interpolation == "bilinear" || interpolation == "bicubic"));
    for (std::size_t channel = 0; channel < 3; ++channel) {
      CHECK((weights.mean[channel] >= 0 && weights.mean[channel] < 1));
      CHECK(weights.std[channel] > 0);
    }
    const Json json = models::published_json(weights);
    CHECK(json.at("name") == weights.entry);
    CHECK(json.at("url") == weights.url());
    CHECK(json.at("input_size") == weights.crop_size);
    CHECK(json.at("resize_size") == weights.resize_size);
    CHECK(json.at("metrics").is_null() == std::isnan(weights.figures.front()));
    CHECK(models::models().find(weights.model) != nullptr);
  }
  for (const auto& [model, names] : entries) {
    INFO(model);
    CHECK(models::published_weights(model).size() == names.size());
    CHECK(models::models().at(model).facts.at("weights").size() == names.size());
    CHECK(models::find_published(model) == models::find_published(model + "/DEFAULT"));
  }
}

TEST_CASE("figures of published weights are those of their task, in per cent", "[models]") {
  for (const models::PublishedWeights& weights : models::published_weights()) {
    INFO(weights.name());
    const Json& facts = models::models().at(weights.model).facts;
    CHECK(facts.at("task") == weights.data->task);
    CHECK(facts.at("num_classes") == weights.data->categories().size());
    const Json metrics = models::published_json(weights).at("metrics");
    for (std::size_t i = 0; i < weights.figures.size(); ++i) {
      const double figure = weights.figures[i];
      if (std::isnan(figure)) continue;
      CHECK((figure > 0 && figure < 100));
      CHECK(weights.figure(weights.data->metrics[i]) == figure);
      CHECK(metrics.at(weights.data->metrics[i]) == figure);
    }
    CHECK(std::isnan(weights.figure("zebra")));
  }
  models::ListQuery query;
  query.task = "segmentation";
  const auto names = models::published_metrics(models::list_models(query));
  for (const char* name : {"miou", "pixel_acc"}) CHECK(std::count(names.begin(), names.end(), name) == 1);
  CHECK(std::count(names.begin(), names.end(), "acc1") == 0);
}

TEST_CASE("a made-up recipe is of the model, and tells how many images of which kind", "[models]") {
  for (const char* name : {"small_cnn", "mobilenet_v2", "unet"}) {
    INFO(name);
    const models::NamedModel model = models::make_named(name, {});
    const std::string text = models::made_up_recipe(model, "synthetic", 6, 40);
    const auto built = models::model_of_recipe(text);
    REQUIRE(built != nullptr);
    CHECK(test::described(nn::state_dict(*built)) == test::described(nn::state_dict(*model.layer)));
    for (const std::string& words :
         {std::string("format: synthetic,"), std::string("train_samples: 6,"), std::string("batch_size: 6,"),
          std::string("height: 40, width: 40,"), "num_classes: " + std::to_string(model.num_classes) + ",",
          "channels: " + std::to_string(model.channels) + ","}) {
      INFO(words);
      CHECK(text.find(words) != std::string::npos);
    }
    CHECK((text.find("mean: [0.5]") != std::string::npos) == (model.channels != 3));
  }
}

TEST_CASE("segmenters stand on dilated bodies, whose stages may stay as they are", "[models][segmentation]") {
  const torch::NoGradGuard no_grad;
  struct SegmenterRow {
    const char* name;
    std::vector<const char*> heads;
    std::size_t outputs;  ///< in training
  };
  const std::vector<SegmenterRow> rows = {
      {"fcn_resnet50", {"aux_classifier.4", "classifier.4"}, 2},
      {"fcn_mobilenet_v3_large", {"aux_classifier.4", "classifier.4"}, 2},
      {"deeplabv3_resnet50", {"aux_classifier.4", "classifier.4"}, 2},
      {"deeplabv3_mobilenet_v3_large", {"aux_classifier.4", "classifier.4"}, 2},
      {"lraspp_mobilenet_v3_large", {"classifier.high_classifier", "classifier.low_classifier"}, 1},
      {"unet", {"outc"}, 1},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const auto model = test::make_model(row.name, Json::object(), {6, 3});
    CHECK(models::head_layers(*model) == std::vector<std::string>(row.heads.begin(), row.heads.end()));
    const torch::Tensor images = torch::empty({2, 3, 65, 97}, torch::kMeta);
    const auto trained = model->run({images});
    REQUIRE(trained.size() == row.outputs);
    for (const auto& map : trained) CHECK(map.sizes() == torch::IntArrayRef({2, 6, 65, 97}));
    model->eval();
    CHECK(model->run({images}).size() == 1);
  }
  const auto all = test::make_model("fcn_resnet50"), none = test::make_model("fcn_resnet50", {{"trainable_stages", 0}});
  const auto one = test::make_model("fcn_resnet50", {{"trainable_stages", 1}});
  CHECK(trainable(*none) == 5 + 5);  // of both heads: a convolution, its norm's two, and the last one's two
  CHECK(trainable(*none) < trainable(*one));
  CHECK(trainable(*one) < trainable(*all));
  CHECK(test::user_error([] {
          test::make_model("fcn_resnet50", {{"trainable_stages", 6}});
        }) == "model.trainable_stages: is 6, and resnet50 has 5 stages; leave it out to train all");
  const auto frozen = test::make_model("deeplabv3_resnet50", {{"norm", "frozen"}});
  for (const auto& [name, tensor] : frozen->named_parameters().pairs()) {
    CHECK((name.rfind("backbone.", 0) != 0 || name.find(".bn") == std::string::npos));
  }
}

TEST_CASE("a model of a recipe's text is built for its form, anything else is none", "[models]") {
  const auto of = [](const std::string& text) { return models::model_of_recipe(text); };
  const auto ten = of("task: classification\nmodel: {name: resnet18, num_classes: 10}\ndata: absent\n");
  REQUIRE(ten != nullptr);
  CHECK(nn::state_dict(*ten).back().second.size(0) == 10);
  const auto plain = of("model: mobilenet_v3_small\n");
  REQUIRE(plain != nullptr);
  CHECK(nn::state_dict(*plain).back().second.size(0) == 1000);
  CHECK(nn::state_dict(*of("model: small_cnn"))[0].second.size(1) == 1);
  for (const char* text : {"", "model: {name: resnet19}", "model: {name: resnet18, depth: 3}", "task: classification",
                           "model: [resnet18]", "model: {name: resnet18", "- model", "model: {num_classes: 3}"}) {
    INFO(text);
    CHECK(of(text) == nullptr);
  }
}

TEST_CASE("options of an architecture are read as whole numbers where they are", "[models]") {
  const auto option = [](const std::vector<config::Override>& overrides, const std::string& name) {
    return models::integer_option(models::make_named("mobilenet_v2", overrides).section.architecture, name);
  };
  CHECK(option({}, "num_classes") == std::nullopt);
  CHECK(option({{"model.num_classes", "12"}}, "num_classes") == 12);
  CHECK(option({}, "round_nearest") == 8);
  CHECK(option({}, "width_mult") == std::nullopt);
  CHECK(option({}, "image_size") == std::nullopt);
  const auto component = models::make_named("mobilenet_v2", {{"model.num_classes", "12"}}).section.architecture;
  CHECK_NOTHROW(models::check_num_classes(component, 12));
  CHECK_NOTHROW(models::check_num_classes(models::make_named("mobilenet_v2", {}).section.architecture, 3));
  const std::string hint = "; leave it out: the model gets as many outputs as the data have classes";
  CHECK(test::user_error([&] { models::check_num_classes(component, 1); }) ==
        "model.num_classes: is 12 where the data have 1 class" + hint);
  CHECK(test::user_error([&] { models::check_num_classes(component, 3); }) ==
        "model.num_classes: is 12 where the data have 3 classes" + hint);
}
