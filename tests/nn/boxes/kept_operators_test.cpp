#include "nn/boxes/kept_operators.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/script.h>
#include <torch/utils.h>

#include "nn/boxes/cases.h"
#include "nn/boxes/nms.h"

using namespace mlrun;

namespace {

torch::Tensor scores_of(std::int64_t count) {
  return (torch::arange(count) * 37).remainder(101).to(torch::kFloat) / 101;
}

std::string schema_of(const char* name) {
  nn::kept::register_operators();
  std::ostringstream text;
  text << c10::Dispatcher::singleton().findSchemaOrThrow(name, "").schema();
  return text.str();
}

}  // namespace

TEST_CASE("operators that a trace keeps have torchvision's names and arguments", "[nn][boxes]") {
  CHECK(schema_of("torchvision::nms") == "torchvision::nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor");
  CHECK(schema_of("torchvision::roi_align") ==
        "torchvision::roi_align(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
        "int sampling_ratio, bool aligned) -> Tensor");
}

TEST_CASE("a trace with suppression chooses anew", "[nn][boxes]") {
  const auto run = [](torch::jit::Stack given) {
    return torch::jit::Stack{nn::kept::nms(given[0].toTensor(), given[1].toTensor(), 0.5)};
  };
  const auto no_names = [](const torch::autograd::Variable&) { return std::string(); };
  const auto traced = torch::jit::tracer::trace({test::boxes(5, 50, torch::kFloat), scores_of(5)}, run, no_names);
  torch::jit::GraphExecutor executor(traced.first->graph, "nms");
  for (const std::int64_t count : {0, 40, 300}) {
    const torch::Tensor boxes = test::boxes(count, 50, torch::kFloat), scores = scores_of(count);
    torch::jit::Stack stack = {boxes, scores};
    executor.run(stack);
    CHECK(stack.at(0).toTensor().equal(nn::nms(boxes, scores, 0.5)));
  }
}

TEST_CASE("classes are suppressed one after another", "[nn][boxes]") {
  const torch::Tensor boxes = test::boxes(60, 40, torch::kFloat);
  const torch::Tensor scores = torch::stack({scores_of(60), 1 - scores_of(60), torch::zeros({60})});
  const torch::Tensor kept = nn::kept::class_nms(boxes, scores, 0.4, 0.25);
  std::vector<std::int64_t> expected;
  for (std::int64_t i = 0; i < 2; ++i) {
    const torch::Tensor rows = at::where(scores[i] > 0.25).front();
    for (const auto row : test::rows(nn::nms(boxes.index_select(0, rows), scores[i].index_select(0, rows), 0.4))) {
      expected.insert(expected.end(), {i, rows[row].item<std::int64_t>()});
    }
  }
  CHECK(test::rows(kept.flatten()) == expected);
  CHECK(kept.size(0) < (scores > 0.25).sum().item<std::int64_t>());
  CHECK(nn::kept::class_nms(torch::zeros({0, 4}), torch::zeros({3, 0}), 0.5, 0).sizes() == torch::IntArrayRef({0, 2}));
}
