#include "models/published.h"

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>

#include "support.h"

using namespace mlrun;
using namespace mlrun::models;
using mlrun::test::user_error;

TEST_CASE("torchvision's published classifiers are known", "[models]") {
  std::set<std::string> names, urls, best;
  for (const auto& weights : published_weights()) {
    INFO(weights.name());
    if (weights.data != &kImagenet) continue;
    CHECK(names.insert(weights.name()).second);
    CHECK(urls.insert(weights.url()).second);
    if (weights.best) CHECK(best.insert(weights.model).second);
    CHECK(std::regex_match(weights.file, std::regex("[a-z0-9_.-]+-" + std::string(weights.sha256) + "\\.pth")));
    CHECK(std::regex_match(weights.sha256, std::regex("[0-9a-f]{8}([0-9a-f]{2})?")));
    CHECK(weights.url() == std::string("https://download.pytorch.org/models/") + weights.file);
    CHECK(weights.resize_size >= weights.crop_size);
    CHECK(weights.crop_size >= weights.min_size);
    CHECK(weights.params > 1'000'000);
    const double acc1 = weights.figure("acc1"), acc5 = weights.figure("acc5");
    if (!std::isnan(acc1)) CHECK((acc1 > 55 && acc5 > acc1 && acc5 < 100));
  }
  CHECK(names.size() == 115);
  CHECK(best.size() == 80);
}

TEST_CASE("an entry holds what torchvision 0.14.1 says of it", "[models]") {
  const PublishedWeights& v2 = published_at("resnet50/IMAGENET1K_V2");
  CHECK(v2.url() == "https://download.pytorch.org/models/resnet50-11ad3fa6.pth");
  CHECK(v2.figure("acc1") == 80.858);
  CHECK(v2.figure("acc5") == 95.434);
  CHECK(v2.params == 25557032);
  CHECK(v2.crop_size == 224);
  CHECK(v2.resize_size == 232);
  CHECK(std::string(v2.interpolation) == "bilinear");
  CHECK(v2.mean == std::array<double, 3>{0.485, 0.456, 0.406});
  CHECK(v2.std == std::array<double, 3>{0.229, 0.224, 0.225});
  CHECK(v2.best);
  const PublishedWeights& swag = published_at("vit_h_14/IMAGENET1K_SWAG_E2E_V1");
  CHECK(swag.crop_size == 518);
  CHECK(std::string(swag.interpolation) == "bicubic");
  CHECK(std::string(swag.license).find("SWAG") != std::string::npos);
  const PublishedWeights& features = published_at("vgg16/IMAGENET1K_FEATURES");
  CHECK(std::isnan(features.figure("acc1")));
  CHECK(std::isnan(v2.figure("miou")));
  CHECK(features.std[0] == 1.0 / 255);
  CHECK(published_json(features).at("metrics") == nullptr);
}

TEST_CASE("torchvision's published segmenters are known, with their digits, figures and classes", "[models]") {
  struct Row {
    const char *model, *file, *digits;
    double miou, pixel_acc;
    std::int64_t params;
  };
  const Row rows[] = {
      {"deeplabv3_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large-fc3c493d.pth", "fc3c493d", 60.3, 91.2, 11029328},
      {"deeplabv3_resnet101", "deeplabv3_resnet101_coco-586e9e4e.pth", "586e9e4e", 67.4, 92.4, 60996202},
      {"deeplabv3_resnet50", "deeplabv3_resnet50_coco-cd0a2569.pth", "cd0a2569", 66.4, 92.4, 42004074},
      {"fcn_resnet101", "fcn_resnet101_coco-7ecb50ca.pth", "7ecb50ca", 63.7, 91.9, 54314346},
      {"fcn_resnet50", "fcn_resnet50_coco-1167a1af.pth", "1167a1af", 60.5, 91.4, 35322218},
      {"lraspp_mobilenet_v3_large", "lraspp_mobilenet_v3_large-d234d4ea.pth", "d234d4ea", 57.9, 91.2, 3221538}};
  for (const Row& row : rows) {
    INFO(row.model);
    const auto entries = published_weights(row.model);
    REQUIRE(entries.size() == 1);
    const PublishedWeights& weights = *entries.front();
    CHECK(weights.name() == std::string(row.model) + "/COCO_WITH_VOC_LABELS_V1");
    CHECK(weights.url() == std::string("https://download.pytorch.org/models/") + row.file);
    CHECK(std::string(weights.sha256) == row.digits);
    CHECK(weights.figure("miou") == row.miou);
    CHECK(weights.figure("pixel_acc") == row.pixel_acc);
    CHECK(weights.params == row.params);
    CHECK(weights.best);
    CHECK(weights.resize_size == 520);
    CHECK(std::isnan(weights.figure("acc1")));
    CHECK(find_published("COCO_WITH_VOC_LABELS_V1", row.model) == &weights);
    const Json facts = published_facts(row.model);
    CHECK(facts.at("task") == "segmentation");
    CHECK(facts.at("num_classes") == 21);
    CHECK(facts.at("input_size") == 520);
    CHECK(facts.at("metrics").at("miou") == row.miou);
  }
  const auto segments = [](const PublishedWeights& weights) { return weights.data == &kCocoVoc; };
  const auto all = published_weights();
  CHECK(std::count_if(all.begin(), all.end(), segments) == 6);
  CHECK(&published_at("LRASPP_MobileNet_V3_Large_Weights.DEFAULT") ==
        published_weights("lraspp_mobilenet_v3_large")[0]);
}

TEST_CASE("published weights are found under every spelling", "[models]") {
  const PublishedWeights* v1 = &published_at("resnet50/IMAGENET1K_V1");
  const PublishedWeights* v2 = &published_at("resnet50/IMAGENET1K_V2");
  CHECK(v1 != v2);
  for (const char* name :
       {"resnet50", "resnet50/DEFAULT", "ResNet50_Weights.IMAGENET1K_V2", "ResNet50_Weights.DEFAULT"}) {
    CHECK(find_published(name) == v2);
  }
  CHECK(find_published("ResNet50_Weights.IMAGENET1K_V1") == v1);
  CHECK(find_published("IMAGENET1K_V1", "resnet50") == v1);
  CHECK(find_published("DEFAULT", "resnet50") == v2);
  CHECK(find_published("IMAGENET1K_V1") == nullptr);
  CHECK(find_published("DEFAULT") == nullptr);
  CHECK(published_weights("resnet50").size() == 2);
  CHECK(published_weights("small_cnn").empty());
  CHECK(user_error([] { published_at("resnet50/IMAGENET1K_V3"); }) ==
        "no published weights are called 'resnet50/IMAGENET1K_V3'; did you mean resnet50/IMAGENET1K_V1, "
        "resnet50/IMAGENET1K_V2, resnet101/IMAGENET1K_V1?");
  CHECK(user_error([] { published_at("zebra"); }) ==
        "no published weights are called 'zebra'; `mlrun weights list` shows them");
}

TEST_CASE("facts are those of the weights that fit the model as it is built by default", "[models]") {
  const Json resnet = published_facts("resnet50");
  CHECK(resnet.at("metrics") == Json{{"acc1", 76.13},
                                     {"acc5", 92.862},
                                     {"weights", "IMAGENET1K_V1"},
                                     {"source", "torchvision 0.14.1, https://pytorch.org/vision/0.14/models.html"}});
  CHECK(resnet.at("resize_size") == 256);
  CHECK(resnet.at("num_classes") == 1000);
  CHECK(resnet.at("channels") == 3);
  REQUIRE(resnet.at("weights").size() == 2);
  CHECK(resnet.at("weights")[1].at("name") == "IMAGENET1K_V2");
  CHECK(resnet.at("weights")[1].at("sha256") == "11ad3fa6");
  // Without an IMAGENET1K_V1: the model is built for 224 px.
  CHECK(published_facts("vit_h_14").at("metrics").at("weights") == "IMAGENET1K_SWAG_LINEAR_V1");
  CHECK(published_facts("vit_h_14").at("input_size") == 224);
  CHECK(published_facts("regnet_y_128gf").at("input_size") == 224);
  CHECK(published_facts("inception_v3").at("input_size") == 299);
  CHECK(published_facts("inception_v3").at("min_size") == 75);
  CHECK_THROWS_AS(published_facts("zebra"), InternalError);
}

TEST_CASE("the classes of ImageNet-1K stand in the order of the outputs", "[models]") {
  const auto names = imagenet_categories();
  REQUIRE(names.size() == 1000);
  CHECK(std::string(names[0]) == "tench");
  CHECK(std::string(names[340]) == "zebra");
  CHECK(std::string(names[999]) == "toilet tissue");
}

TEST_CASE("the classes of PASCAL VOC stand in the order of the outputs", "[models]") {
  const auto names = voc_categories();
  REQUIRE(names.size() == 21);
  CHECK(std::string(names[0]) == "__background__");
  CHECK(std::string(names[15]) == "person");
  CHECK(std::string(names[20]) == "tvmonitor");
}
