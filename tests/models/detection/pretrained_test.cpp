// Published weights of detectors, and what they change in how a model is built.
#include <algorithm>
#include <string>

#include <torch/types.h>

#include "models/named_model.h"
#include "models/parity.h"
#include "models/registry.h"
#include "nn/norm.h"
#include "support.h"

using namespace mlrun;

namespace {

models::NamedModel made(const std::string& name, const std::string& weights,
                        const std::vector<config::Override>& more = {}) {
  std::vector<config::Override> overrides = {{"model.weights", weights}};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return models::make_named(name, overrides);
}

std::int64_t trained(const nn::Layer& model) {
  std::int64_t count = 0;
  for (const auto& parameter : model.parameters()) count += parameter.requires_grad() ? parameter.numel() : 0;
  return count;
}

/// The eps of all frozen norms; -1 where there are none, -2 where they differ.
double frozen_eps(nn::Layer& model) {
  double eps = -1;
  for (nn::Layer* layer : model.all_layers()) {
    const auto* norm = dynamic_cast<nn::FrozenBatchNorm2d*>(layer);
    if (norm == nullptr) continue;
    eps = eps == -1 || eps == norm->eps() ? norm->eps() : -2;
  }
  return eps;
}

const char* const kClassifierIntoResnet = "{file: resnet50/IMAGENET1K_V1, map: {'*': 'backbone.body.*'}, skip: [fc]}";

}  // namespace

TEST_CASE("torchvision's published detectors are known, with their digits, figures and classes",
          "[models][detection]") {
  struct Row {
    const char *name, *file;
    double ap, detail;  ///< of masks or keypoints; 0: there are none
  };
  const Row rows[] = {
      {"fasterrcnn_mobilenet_v3_large_320_fpn/COCO_V1", "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth", 22.8, 0},
      {"fasterrcnn_mobilenet_v3_large_fpn/COCO_V1", "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth", 32.8, 0},
      {"fasterrcnn_resnet50_fpn/COCO_V1", "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth", 37.0, 0},
      {"fasterrcnn_resnet50_fpn_v2/COCO_V1", "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth", 46.7, 0},
      {"fcos_resnet50_fpn/COCO_V1", "fcos_resnet50_fpn_coco-99b0c9b7.pth", 39.2, 0},
      {"keypointrcnn_resnet50_fpn/COCO_LEGACY", "keypointrcnn_resnet50_fpn_coco-9f466800.pth", 50.6, 61.1},
      {"keypointrcnn_resnet50_fpn/COCO_V1", "keypointrcnn_resnet50_fpn_coco-fc266e95.pth", 54.6, 65.0},
      {"maskrcnn_resnet50_fpn/COCO_V1", "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth", 37.9, 34.6},
      {"maskrcnn_resnet50_fpn_v2/COCO_V1", "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth", 47.4, 41.8},
      {"retinanet_resnet50_fpn/COCO_V1", "retinanet_resnet50_fpn_coco-eeacb38b.pth", 36.4, 0},
      {"retinanet_resnet50_fpn_v2/COCO_V1", "retinanet_resnet50_fpn_v2_coco-5905b1c5.pth", 41.5, 0},
      {"ssd300_vgg16/COCO_V1", "ssd300_vgg16_coco-b556d3b4.pth", 25.1, 0},
      {"ssdlite320_mobilenet_v3_large/COCO_V1", "ssdlite320_mobilenet_v3_large_coco-a79551df.pth", 21.3, 0}};
  const auto all = models::published_weights();
  CHECK(std::count_if(all.begin(), all.end(), [](const models::PublishedWeights& weights) {
          return weights.data == &models::kCoco || weights.data == &models::kCocoKeypoints;
        }) == std::ssize(rows));
  for (const Row& row : rows) {
    INFO(row.name);
    const models::PublishedWeights& weights = models::published_at(row.name);
    CHECK(std::string(weights.file) == row.file);
    CHECK(std::string(row.file).find("-" + std::string(weights.sha256) + ".pth") != std::string::npos);
    CHECK(weights.figure("ap") == row.ap);
    const bool persons = weights.data == &models::kCocoKeypoints;
    const double detail = weights.figure(persons ? "keypoint_ap" : "mask_ap");
    CHECK((row.detail == 0 ? std::isnan(detail) : detail == row.detail));
    CHECK(models::published_json(weights).at("metrics").size() == (row.detail == 0 ? 3 : 4));
    CHECK(weights.data->categories().size() == (persons ? 2 : 91));
    const bool fixed = std::string(weights.model).rfind("ssd", 0) == 0;
    CHECK((!fixed || weights.crop_size == (std::string(weights.model) == "ssd300_vgg16" ? 300 : 320)));
  }
  CHECK(&models::published_at("FasterRCNN_ResNet50_FPN_Weights.DEFAULT") ==
        &models::published_at("COCO_V1", "fasterrcnn_resnet50_fpn"));
  CHECK(models::published_at("keypointrcnn_resnet50_fpn").entry == std::string("COCO_V1"));
  CHECK(models::published_facts("keypointrcnn_resnet50_fpn").at("metrics").at("keypoint_ap") == 65.0);
}

TEST_CASE("the categories of COCO stand in the order of the outputs, with gaps", "[models][detection]") {
  const auto names = models::coco_categories();
  REQUIRE(names.size() == 91);
  CHECK(std::string(names[0]) == "__background__");
  CHECK(std::string(names[1]) == "person");
  CHECK(std::string(names[13]) == "stop sign");
  CHECK(std::string(names[90]) == "toothbrush");
  std::vector<std::size_t> gaps;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::string(names[i]) == "N/A") gaps.push_back(i);
  }
  CHECK(gaps == std::vector<std::size_t>{12, 26, 29, 30, 45, 66, 68, 69, 71, 83});
  CHECK(std::string(models::person_categories()[1]) == "person");
}

TEST_CASE("published weights make a detector what torchvision's builder makes of it", "[models][detection]") {
  // Of torchvision 0.14.1's builders with `weights`: parameters that train, tensors, the eps of frozen norms.
  struct Row {
    const char *name, *weights;
    std::int64_t trained;
    std::size_t tensors;
    double eps;
  };
  const Row rows[] = {{"fasterrcnn_mobilenet_v3_large_320_fpn", "COCO_V1", 19327458, 284, 1e-5},
                      {"fasterrcnn_mobilenet_v3_large_fpn", "COCO_V1", 19327458, 284, 1e-5},
                      {"fasterrcnn_mobilenet_v3_large_fpn",
                       "{file: mobilenet_v3_large/IMAGENET1K_V1, map: {features: backbone.body}, skip: [classifier]}",
                       19327458, 284, 1e-5},
                      {"fasterrcnn_resnet50_fpn", "COCO_V1", 41532886, 295, 0},
                      {"fasterrcnn_resnet50_fpn", kClassifierIntoResnet, 41532886, 295, 1e-5},
                      {"fasterrcnn_resnet50_fpn_v2", "COCO_V1", 43486934, 404, -1},
                      {"fcos_resnet50_fpn", "COCO_V1", 32047200, 319, 1e-5},
                      {"keypointrcnn_resnet50_fpn", "COCO_LEGACY", 58914858, 313, 1e-5},
                      {"keypointrcnn_resnet50_fpn", "COCO_V1", 58914858, 313, 0},
                      {"maskrcnn_resnet50_fpn", "COCO_V1", 44178993, 307, 0},
                      {"maskrcnn_resnet50_fpn_v2", "COCO_V1", 46134065, 432, -1},
                      {"retinanet_resnet50_fpn", "DEFAULT", 33792599, 301, 0},
                      {"retinanet_resnet50_fpn_v2", "COCO_V1", 37973591, 362, -1},
                      {"ssd300_vgg16", "COCO_V1", 35603106, 71, -1},
                      {"ssdlite320_mobilenet_v3_large", "COCO_V1", 3440060, 476, -1}};
  for (const Row& row : rows) {
    INFO(row.name << " " << row.weights);
    const auto model = made(row.name, row.weights);
    CHECK(trained(*model.layer) == row.trained);
    CHECK(nn::state_dict(*model.layer).size() == row.tensors);
    CHECK(frozen_eps(*model.layer) == row.eps);
    if (const auto* weights = models::find_published(row.weights, row.name)) {
      CHECK(test::count_parameters(*model.layer) == weights->params);
    }
  }
}

TEST_CASE("what a recipe says itself stays, whatever the weights", "[models][detection]") {
  const std::string name = "fasterrcnn_mobilenet_v3_large_320_fpn";
  const auto options = [](const models::NamedModel& model) { return models::options_for_weights(model.section); };
  const Json frozen{{"norm", "frozen"}, {"trainable_stages", 3}, {"num_classes", 91}};
  CHECK(options(made(name, "COCO_V1")) == frozen);
  CHECK(options(made(name, "/files/my.pth")) == Json::object());
  CHECK(options(models::make_named(name, {})) == Json::object());
  const auto reinit = made(name, "COCO_V1", {{"model.head", "reinit"}, {"model.num_classes", "7"}});
  CHECK(options(reinit) == Json{{"norm", "frozen"}, {"trainable_stages", 3}});
  CHECK(reinit.num_classes == 7);
  const auto own =
      made("fasterrcnn_resnet50_fpn", "COCO_V1", {{"model.norm", "batch"}, {"model.trainable_stages", "5"}});
  CHECK(options(own) == Json{{"num_classes", 91}});
  CHECK(frozen_eps(*own.layer) == -1);
  CHECK(trained(*own.layer) == test::count_parameters(*own.layer));
  const auto eps = made("fasterrcnn_resnet50_fpn", "COCO_V1", {{"model.norm", "frozen"}});
  CHECK(frozen_eps(*eps.layer) == 0);
  CHECK(options(made("fasterrcnn_resnet50_fpn", "COCO_V1", {{"model.norm_eps", "1e-5"}})).contains("norm_eps") ==
        false);
  CHECK(options(models::make_named("resnet18", {{"model.weights", "IMAGENET1K_V1"}})) == Json::object());
}
