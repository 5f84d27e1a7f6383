// What detectors are made of, beside their parity with torchvision's.
#include <torch/types.h>
#include <torch/utils.h>

#include "models/detection/detector.h"
#include "models/heads.h"
#include "models/parity.h"
#include "support.h"

using namespace mlrun;

TEST_CASE("detectors have as many parameters and tensors as their published weights", "[models][detection]") {
  struct Row {
    const char* name;
    Json options;
    int64_t params;
    std::size_t tensors;
    int64_t classes = 91;
  };
  const Json frozen{{"norm", "frozen"}}, plain = Json::object();
  const Row rows[] = {{"retinanet_resnet50_fpn", frozen, 34014999, 301},
                      {"retinanet_resnet50_fpn", plain, 34068119, 354},
                      {"retinanet_resnet50_fpn_v2", plain, 38198935, 362},
                      {"fcos_resnet50_fpn", frozen, 32269600, 319},
                      {"fcos_resnet50_fpn", plain, 32322720, 372},
                      {"ssd300_vgg16", plain, 35641826, 71},
                      {"ssdlite320_mobilenet_v3_large", plain, 3440060, 476},
                      {"fasterrcnn_mobilenet_v3_large_fpn", plain, 19410754, 330},
                      {"fasterrcnn_mobilenet_v3_large_320_fpn", frozen, 19386354, 284},
                      {"fasterrcnn_resnet50_fpn", plain, 41808406, 348},
                      {"fasterrcnn_resnet50_fpn", frozen, 41755286, 295},
                      {"fasterrcnn_resnet50_fpn_v2", plain, 43712278, 404},
                      {"maskrcnn_resnet50_fpn", plain, 44454513, 360},
                      {"maskrcnn_resnet50_fpn", frozen, 44401393, 307},
                      {"maskrcnn_resnet50_fpn_v2", plain, 46359409, 432},
                      {"keypointrcnn_resnet50_fpn", plain, 59190378, 366, 2}};
  for (const Row& row : rows) {
    INFO(row.name);
    const auto model = test::make_model(row.name, row.options, {row.classes, 3});
    CHECK(test::count_parameters(*model) == row.params);
    CHECK(nn::state_dict(*model).size() == row.tensors);
  }
}

TEST_CASE("multiply-adds of detectors equal what is published", "[models][detection]") {
  // torchvision's documentation of the weights from 0.15 on (there called GFLOPS).
  const std::pair<const char*, double> rows[] = {{"retinanet_resnet50_fpn", 151.54},
                                                 {"retinanet_resnet50_fpn_v2", 152.238},
                                                 {"fcos_resnet50_fpn", 128.207},
                                                 {"ssd300_vgg16", 34.858},
                                                 {"ssdlite320_mobilenet_v3_large", 0.583}};
  for (const auto& [name, gmacs] : rows) {
    INFO(name);
    CHECK(static_cast<double>(models::model_facts(name).macs.value_or(0)) / 1e9 == Approx(gmacs).margin(0.0051));
  }
}

TEST_CASE("the head of a detector is what puts out classes", "[models][detection]") {
  const auto heads = [](const char* name) { return models::head_layers(*test::make_model(name)); };
  const std::vector<std::string> dense = {"head.classification_head.cls_logits"};
  CHECK(heads("retinanet_resnet50_fpn") == dense);
  CHECK(heads("fcos_resnet50_fpn") == dense);
  CHECK(heads("ssd300_vgg16").size() == 6);
  CHECK(heads("maskrcnn_resnet50_fpn") == std::vector<std::string>{"roi_heads.box_predictor.bbox_pred",
                                                                   "roi_heads.box_predictor.cls_score",
                                                                   "roi_heads.mask_predictor.mask_fcn_logits"});
  CHECK(heads("ssdlite320_mobilenet_v3_large").front() == "head.classification_head.module_list.0.1");
  CHECK(heads("retinanet_mobile") == std::vector<std::string>{"head.classification_head.last.pointwise"});
}

TEST_CASE("stages of a detector's backbone stay frozen", "[models][detection]") {
  const auto trained = [](const char* name, int64_t stages) {
    int64_t count = 0;
    for (const auto& item : test::make_model(name, {{"trainable_stages", stages}})->named_parameters()) {
      count += item.key().rfind("backbone.", 0) == 0 && item.value().requires_grad() ? item.value().numel() : 0;
    }
    return count;
  };
  // What torchvision's builders leave with a number for each, weights or not.
  CHECK(trained("ssd300_vgg16", 5) - trained("ssd300_vgg16", 4) == 38720);  // conv1_1 and conv1_2
  CHECK(trained("ssdlite320_mobilenet_v3_large", 6) - trained("ssdlite320_mobilenet_v3_large", 5) == 464 + 464);
}

TEST_CASE("a box without area is refused by its numbers", "[models][detection]") {
  const auto model = test::make_model("ssdlite320_mobilenet_v3_large", Json::object(), {3, 3});
  nn::initialise(*model, 0);
  const auto counts = torch::tensor({1, 1}, torch::kLong), labels = torch::tensor({1, 2}, torch::kLong);
  const auto boxes = torch::tensor({{4.0F, 4.0F, 40.0F, 40.0F}, {7.0F, 20.5F, 60.0F, 20.5F}});
  const auto sizes = torch::full({2, 2}, 320, torch::kLong);
  CHECK(
      test::user_error([&] {
        model->run({torch::zeros({2, 3, 320, 320}), sizes, boxes, counts, labels, counts});
      }) ==
      "box [7, 20.5, 60, 20.5] of image 1 of a batch has no width or no height after the resize; leave such boxes out; "
      "`mlrun data verify` names those of the data");
}

TEST_CASE("RetinaNet for phones stands on any backbone and learns", "[models][detection]") {
  const Json options[] = {Json::object(),
                          {{"backbone", "resnet18"}, {"num_filters", 16}, {"num_convs", 2}},
                          {{"backbone", "mobilenet_v3_small"}, {"separable", false}, {"num_filters", 8}},
                          {{"backbone", "efficientnet_b0"}, {"norm_per_map", false}, {"box_loss", "giou"}}};
  for (const Json& chosen : options) {
    INFO(chosen.dump());
    const auto model = test::make_model("retinanet_mobile", chosen, {3, 3});
    nn::initialise(*model, 0);
    const auto image = test::formula({2, 3, 128, 128}).to(torch::kFloat) * 4;
    const auto counts = torch::tensor({1, 0}, torch::kLong);
    const auto boxes = torch::tensor({{20.0F, 24.0F, 90.0F, 100.0F}});
    const nn::Tensors inputs = {image,  torch::full({2, 2}, 128, torch::kLong), boxes,
                                counts, torch::tensor({2}, torch::kLong),       counts};
    const auto losses = model->run(inputs);
    REQUIRE(losses.size() == 2);
    CHECK(losses[0].item<double>() > 0);
    CHECK(losses[1].item<double>() > 0);
    torch::stack(losses).sum().backward();
    for (const auto& item : model->named_parameters()) {
      INFO(item.key());
      CHECK(item.value().grad().defined());
    }
  }
  CHECK(test::user_error([] {
          test::make_model("retinanet_mobile", {{"levels", {"nowhere"}}}, {3, 3});
        }).find("model.levels.0: 'nowhere' is no level of mobilenet_v2") == 0);
}

TEST_CASE("Mask R-CNN of few filters stands on any backbone and learns", "[models][detection]") {
  const Json options[] = {{{"num_filters", 8}, {"backbone", "mobilenet_v3_small"}},
                          {{"num_filters", 16}, {"backbone", "resnet18"}, {"deep_heads", false}}};
  for (Json chosen : options) {
    INFO(chosen.dump());
    chosen["box_batch_size_per_image"] = 8;
    const auto model = test::make_model("maskrcnn_mobile", chosen, {3, 3});
    nn::initialise(*model, 0);
    const auto image = test::formula({1, 3, 64, 96}).to(torch::kFloat) * 4;
    const auto sizes = torch::tensor({{64, 96}}, torch::kLong), count = torch::tensor({1}, torch::kLong);
    torch::Tensor mask = torch::zeros({1, 64, 96}, torch::kByte);
    mask.slice(1, 12, 50).slice(2, 20, 60).fill_(1);
    const auto losses = model->run({image, sizes, torch::tensor({{20.0F, 12.0F, 60.0F, 50.0F}}), count,
                                    torch::tensor({2}, torch::kLong), count, mask, count});
    REQUIRE(losses.size() == 5);
    torch::stack(losses).sum().backward();
    for (const auto& item : model->named_parameters()) {
      INFO(item.key());
      CHECK(item.value().grad().defined());
    }
    model->eval();
    const torch::NoGradGuard no_grad;
    const auto found = model->run({image, sizes});
    REQUIRE(found.size() == 8);
    CHECK(found[6].sizes() == torch::IntArrayRef({found[0].size(0), 1, 28, 28}));
  }
}

TEST_CASE("two stages find nothing where nothing is proposed or nothing is sure", "[models][detection]") {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, more] : {std::pair<const char*, const char*>{"fasterrcnn_mobilenet_v3_large_320_fpn", ""},
                                   {"maskrcnn_resnet50_fpn_v2", "masks"},
                                   {"keypointrcnn_resnet50_fpn", "keypoints"}}) {
    for (const double least : {0.0, 1.0}) {
      INFO(name << ", proposals of " << least << " at least");
      const auto model = std::dynamic_pointer_cast<models::Detector>(
          test::make_model(name, {{"rpn_score_thresh", least}, {"rpn_post_nms_top_n_test", 20}}, {4, 3}));
      for (const auto& parameter : model->parameters()) parameter.zero_();  // to draw them takes longer than the rest
      for (const auto& buffer : model->buffers()) buffer.fill_(1);
      model->eval();
      model->settings().score_threshold = 1;
      const auto found = model->run(
          {test::formula({2, 3, 64, 96}).to(torch::kFloat), torch::tensor({{64, 96}, {50, 70}}, torch::kLong)});
      const auto names = nn::tensor_names(model->interface().outputs);
      REQUIRE(found.size() == names.size());
      CHECK((*more == '\0' || names[6] == more));
      for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].size(0) == (i % 2 == 0 ? 0 : 2));
    }
  }
}

TEST_CASE("two stages learn the background from images without objects", "[models][detection]") {
  for (const char* name :
       {"fasterrcnn_mobilenet_v3_large_320_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn"}) {
    INFO(name);
    const auto model =
        std::dynamic_pointer_cast<models::Detector>(test::make_model(name, {{"box_batch_size_per_image", 8}}, {4, 3}));
    nn::initialise(*model, 0);
    const auto none = torch::zeros({2}, torch::kLong);
    nn::Tensors inputs = {test::formula({2, 3, 64, 96}).to(torch::kFloat),
                          torch::tensor({{64, 96}, {64, 96}}, torch::kLong),
                          torch::zeros({0, 4}),
                          none,
                          torch::zeros({0}, torch::kLong),
                          none};
    if (model->interface().inputs.size() > 4) {
      const bool masks = model->interface().inputs[4].name == "masks";
      inputs.insert(inputs.end(), {masks ? torch::zeros({0, 64, 96}, torch::kByte) : torch::zeros({0, 17, 3}), none});
    }
    const auto losses = model->run(inputs);
    torch::stack(losses).sum().backward();
    CHECK(losses.front().item<double>() > 0.1);
    CHECK(losses[1].item<double>() == 0);
    for (const auto& parameter : model->parameters()) {
      CHECK((!parameter.grad().defined() || at::isfinite(parameter.grad()).all().item<bool>()));
    }
  }
}
