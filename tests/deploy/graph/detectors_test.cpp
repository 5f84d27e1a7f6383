// Detectors in graphs: their parts, and all that they find.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "deploy/bench/engines.h"
#include "deploy/engine_scope.h"
#include "deploy/graph/graph.h"
#include "deploy/graph_door.h"
#include "models/alike_rows.h"
#include "models/detection/detector.h"
#include "models/parity.h"
#include "nn/norm.h"
#include "nn/repeated.h"
#include "support.h"

using namespace mlrun;

namespace {

using Sizes = std::vector<std::int64_t>;

struct DetectorRow {
  const char* name;
  Json options;
  std::vector<Sizes> images;  ///< [N, 3, H, W]; one graph is compiled for each
  bool statistics = false;    ///< without them it says the same of every place
};

const std::vector<DetectorRow>& detector_rows() {
  const Json two = {{"rpn_post_nms_top_n_test", 40}};
  const std::vector<Sizes> some = {{1, 3, 96, 128}, {2, 3, 128, 96}}, one = {{1, 3, 96, 128}};
  static const std::vector<DetectorRow> rows = {
      {"ssd300_vgg16", Json::object(), {{1, 3, 300, 300}}},
      {"ssdlite320_mobilenet_v3_large", Json::object(), {{1, 3, 320, 320}, {3, 3, 320, 320}}, true},
      {"retinanet_mobile", {{"num_filters", 32}}, {{1, 3, 128, 128}, {4, 3, 256, 128}}},
      {"retinanet_resnet50_fpn", {{"norm", "frozen"}}, some},
      {"retinanet_resnet50_fpn_v2", Json::object(), one},
      {"fcos_resnet50_fpn", Json::object(), some},
      {"fasterrcnn_mobilenet_v3_large_320_fpn", two, {{1, 3, 96, 128}, {2, 3, 128, 96}, {5, 3, 64, 64}}, true},
      {"fasterrcnn_mobilenet_v3_large_fpn", two, one, true},
      {"fasterrcnn_resnet50_fpn", {{"norm", "frozen"}, {"rpn_post_nms_top_n_test", 40}}, some},
      {"fasterrcnn_resnet50_fpn_v2", two, one},
      {"maskrcnn_resnet50_fpn", two, some},
      {"maskrcnn_resnet50_fpn_v2", two, one},
      {"keypointrcnn_resnet50_fpn", two, some},
  };
  return rows;
}

/// Statistics of a pass over noise. Channels that hardly vary would make any rounding large.
void take_statistics(models::Detector& model, Sizes images) {
  std::vector<nn::BatchNorm*> norms;
  for (nn::Layer* layer : model.all_layers()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm*>(layer)) norms.push_back(norm);
  }
  model.train();
  for (auto* norm : norms) norm->begin_cumulative();
  images.front() = 4;
  model.parts().front()->run({test::noise(images)});
  for (auto* norm : norms) {
    norm->end_cumulative();
    norm->running_var.clamp_min_(0.1 * norm->running_var.max().item<double>());
  }
}

/// Of moderate numbers: a net whose norms were made of few pixels would make any rounding large. Heads tell things
/// apart.
std::shared_ptr<models::Detector> lively_detector(const DetectorRow& row) {
  auto model = std::dynamic_pointer_cast<models::Detector>(test::make_model(row.name, row.options, {5, 3}));
  REQUIRE(model);
  nn::initialise(*model, 0);
  const torch::NoGradGuard no_gradients;
  for (nn::Layer* layer : model->all_layers()) {
    auto* norm = dynamic_cast<nn::BatchNorm*>(layer);
    if (norm == nullptr) continue;
    norm->running_mean.uniform_(-0.1, 0.1);
    norm->running_var.uniform_(0.8, 1.2);
    norm->weight.uniform_(0.5, 0.9);
    norm->bias.uniform_(-0.1, 0.1);
  }
  if (row.statistics) take_statistics(*model, row.images.front());
  model->eval();
  const auto heads = model->heads();
  for (const auto& item : model->named_parameters()) {
    const bool of_head = std::any_of(heads.begin(), heads.end(), [&](const std::string& head) {
      return item.key().compare(0, head.size(), head) == 0;
    });
    // Large codes are boxes of any size.
    const bool of_boxes = item.key().find("bbox_pred") != std::string::npos ||
                          item.key().find("head.regression_head") != std::string::npos;
    if (item.value().dim() > 1 && (of_head || of_boxes)) item.value().mul_(of_boxes ? 0.1 : 5);
  }
  model->settings().detections = 12;
  return model;
}

/// Images of different sizes in the batch's padding.
nn::Tensors detector_inputs(const Sizes& images) {
  torch::Tensor sizes = torch::empty({images[0], 2}, torch::kLong);
  for (std::int64_t i = 0; i < images[0]; ++i) {
    sizes[i][0] = images[2] - 16 * (i % 2);
    sizes[i][1] = images[3] - 8 * (i % 3);
  }
  return {test::noise(images), sizes};
}

double off(const torch::Tensor& given, const torch::Tensor& exact) {
  return (given.to(torch::kDouble) - exact).abs().max().item<double>();
}

/// Against float64, the graph is about as exact as the layers are.
void check_as_exact(const nn::Tensors& given, const nn::Tensors& layers, const nn::Tensors& exact) {
  REQUIRE(given.size() == layers.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    INFO("output " << i);
    REQUIRE(given[i].sizes() == layers[i].sizes());
    CHECK(off(given[i], exact[i]) <= 4 * off(layers[i], exact[i]) + 1e-5 * exact[i].abs().max().item<double>());
  }
}

/// Rows of `given` that stand for those of `expected`, image by image.
torch::Tensor alike_rows(const nn::Tensors& given, const nn::Tensors& expected) {
  std::vector<torch::Tensor> rows;
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < expected[1].size(0); ++i) {
    const std::int64_t end = begin + expected[1][i].item<std::int64_t>();
    rows.push_back(begin + test::alike_rows(given[0].slice(0, begin, end), given[4].slice(0, begin, end),
                                            expected[0].slice(0, begin, end), expected[4].slice(0, begin, end)));
    begin = end;
  }
  return torch::cat(rows);
}

/// But for one in twenty: rounding moves single boxes, and exchanges candidates that are about as sure, in layers too.
void check_finds_the_same(const nn::Tensors& given, const nn::Tensors& expected) {
  REQUIRE(given.size() == expected.size());
  REQUIRE(given[1].equal(expected[1]));
  const torch::Tensor rows = alike_rows(given, expected);
  const auto of = [&](std::size_t port) { return given[port].index_select(0, rows); };
  const torch::Tensor unlike =
      of(4).ne(expected[4]) | (of(0) - expected[0]).abs().amax(1).gt(1e-3) | (of(2) - expected[2]).abs().gt(1e-5);
  CHECK(unlike.sum().item<std::int64_t>() <= std::max<std::int64_t>(1, rows.size(0) / 20));
  const torch::Tensor alike = unlike.logical_not().nonzero().flatten();
  for (std::size_t i = 6; i < given.size(); i += 2) {  // masks, keypoints
    REQUIRE(given[i].sizes() == expected[i].sizes());
    CHECK(torch::allclose(of(i).index_select(0, alike), expected[i].index_select(0, alike), 1e-3, 1e-3));
  }
}

}  // namespace

// One section a model: `mlrun_tests "detectors run*" -c ssd300_vgg16` runs one.
TEST_CASE("detectors run as graphs in parts, and find what their layers find", "[deploy][graph][detection]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  for (const DetectorRow& row : detector_rows()) {
    DYNAMIC_SECTION(row.name) {
      const auto model = lively_detector(row), exact = lively_detector(row);
      test::widen(*exact);
      const torch::NoGradGuard no_gradients;
      nn::Part& first = *model->parts().front();
      deploy::InferenceGraph graph(first, {test::noise(row.images.front())}, deploy::OutputOrder::Pixels);
      // SSD's length of each pixel's vector has no operation.
      CHECK(graph.statistics(test::noise(row.images.front())).layers ==
            (std::string(row.name) == "ssd300_vgg16" ? 1 : 0));
      deploy::PartGraphs graphs(*model);
      for (const Sizes& images : row.images) {
        INFO("images " << at::IntArrayRef(images));
        const nn::Tensors inputs = detector_inputs(images);
        check_as_exact(graph.run({inputs[0]}), first.run({inputs[0]}),
                       exact->parts().front()->run({inputs[0].to(torch::kDouble)}));
        const nn::Tensors expected = model->run(inputs);
        CHECK(expected[0].size(0) > 0);
        for (int pass = 0; pass < 2; ++pass) {
          const deploy::PartGraphs::Scope scope(graphs);
          check_finds_the_same(model->run(inputs), expected);
        }
      }
      CHECK(graphs.refusal().empty());
      CHECK(graphs.ran());
    }
  }
}

TEST_CASE("a detector's graphs answer for as long as a scope lives, and never in training",
          "[deploy][graph][detection]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const DetectorRow row{
      "fasterrcnn_mobilenet_v3_large_320_fpn", {{"rpn_post_nms_top_n_test", 40}}, {{1, 3, 64, 96}}, true};
  const auto model = lively_detector(row);
  const torch::NoGradGuard no_gradients;
  const nn::Tensors inputs = detector_inputs(row.images.front());
  const nn::Tensors expected = model->run(inputs);
  {
    const deploy::EngineScope scope({{"model", model}}, "graph");
    CHECK(scope.engine() == "eager");  // nothing ran yet
    check_finds_the_same(model->run(inputs), expected);
    CHECK(scope.engine() == "graph");
    const torch::AutoGradMode gradients(true);
    CHECK(model->parts().front()->run({inputs[0]}).front().requires_grad());
  }
  CHECK(model->run(inputs)[0].equal(expected[0]));
}

TEST_CASE("bench measures a detector's graphs, two at a time, and leaves its layers", "[deploy][graph][detection]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const DetectorRow row{"ssdlite320_mobilenet_v3_large", Json::object(), {{1, 3, 320, 320}}, true};
  const auto model = lively_detector(row);
  const torch::NoGradGuard no_gradients;
  const nn::Tensors inputs = detector_inputs(row.images.front()), expected = model->run(inputs);
  {
    const auto& engine = deploy::bench_engine("graph");
    const deploy::Runner first = engine.make({model, inputs}), second = engine.make({model, inputs});
    for (const auto& runner : {first, second, first}) check_finds_the_same(runner(inputs), expected);
  }
  CHECK(model->run(inputs)[0].equal(expected[0]));
}

TEST_CASE("counts of what was found share graphs, and any count is answered", "[deploy][graph][detection]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const DetectorRow row{"fasterrcnn_mobilenet_v3_large_320_fpn", Json::object(), {{1, 3, 64, 96}}};
  const auto model = lively_detector(row);
  const torch::NoGradGuard no_gradients;
  nn::Part& heads = model->part("box_head");
  CHECK(heads.found() == 150);
  deploy::PartGraphs graphs(*model);
  for (const std::int64_t count : {0, 1, 2, 40, 41, 97, 149, 150, 151, 300}) {
    INFO(count);
    const nn::Tensors regions = {test::noise({count, 256, 7, 7})};
    const nn::Tensors expected = heads.run(regions);
    const deploy::PartGraphs::Scope scope(graphs);
    const nn::Tensors given = heads.run(regions);
    REQUIRE(given.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      REQUIRE(given[i].sizes() == expected[i].sizes());
      CHECK(torch::allclose(given[i], expected[i], 1e-4, 1e-4));
    }
  }
}
