// Non-maximum suppression as torchvision does it (scripts/fixtures/boxes.py).
#include "nn/boxes/nms.h"

#include <limits>

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "nn/boxes/cases.h"
#include "nn/boxes/operators.h"

using namespace mlrun;

namespace {

/// Each many times.
torch::Tensor repeating_scores(std::int64_t count, torch::ScalarType type) {
  return (torch::arange(count) * 37).remainder(101).to(torch::kDouble).div(101).to(type);
}

struct Suppression {
  torch::Tensor boxes, scores, classes;
};

Suppression suppression_of(const Json& expected) {
  const auto count = expected.at("count").get<std::int64_t>();
  const auto type = test::type_named(expected.at("type"));
  torch::Tensor boxes = test::boxes(count, expected.at("side"), type);
  if (count == 300) {
    boxes[17][2] = std::numeric_limits<double>::quiet_NaN();
    boxes.slice(0, 40, 42).fill_(3);  // without area
  }
  return {boxes, repeating_scores(count, type), (torch::arange(count) * 5).remainder(7)};
}

}  // namespace

TEST_CASE("suppression keeps what torchvision's keeps, in its order", "[nn][boxes]") {
  for (const Json& expected : test::box_cases("nms")) {
    INFO(expected.dump());
    const Suppression c = suppression_of(expected);
    const double threshold = expected.at("threshold");
    const auto kept = nn::nms(c.boxes, c.scores, threshold);
    CHECK(kept.numel() == expected.at("number").get<std::int64_t>());
    CHECK(test::digest(kept) == expected.at("kept"));
    CHECK(nn::nms_by_operators(c.boxes, c.scores, threshold).equal(kept));
    if (expected.at("batched").is_null()) continue;
    CHECK(test::digest(nn::batched_nms(c.boxes, c.scores, c.classes, threshold)) == expected.at("batched"));
  }
}

TEST_CASE("suppression of nothing keeps nothing", "[nn][boxes]") {
  const auto none = torch::zeros({0, 4}), scores = torch::zeros({0});
  CHECK(nn::nms(none, scores, 0.5).numel() == 0);
  CHECK(nn::nms_by_operators(none, scores, 0.5).numel() == 0);
  CHECK(nn::batched_nms(none, scores, torch::zeros({0}, torch::kLong), 0.5).scalar_type() == torch::kLong);
}

TEST_CASE("a threshold between two floats suppresses by the double", "[nn][boxes]") {
  const auto boxes = torch::tensor({0.0, 0.0, 10.0, 10.0, 0.0, 0.0, 10.0, 3.0}, torch::kFloat).view({2, 4});
  const auto scores = torch::tensor({0.9, 0.8}, torch::kFloat);
  const double iou = static_cast<double>(30.0F / 100.0F);  // a little above 0.3
  CHECK(nn::nms(boxes, scores, 0.3).numel() == 1);
  CHECK(nn::nms(boxes, scores, iou).numel() == 2);
  CHECK(nn::nms_by_operators(boxes, scores, iou).numel() == 2);
}

TEST_CASE("classes do not suppress one another, few boxes or many", "[nn][boxes]") {
  for (const std::int64_t count : {600, 1800}) {
    const auto boxes = test::boxes(3, 50, torch::kFloat).repeat({count / 3, 1});
    const auto classes = torch::arange(count).div(3, "floor");
    const auto rising = torch::arange(count).to(torch::kFloat);
    const auto kept = nn::batched_nms(boxes, rising, classes, 0.99);
    CHECK(test::rows(kept) == test::rows(torch::arange(count).flip(0)));
  }
}

TEST_CASE("a trace is refused, which would keep the choice that it saw", "[nn][boxes]") {
  const auto choose = [](torch::jit::Stack given) {
    return torch::jit::Stack{nn::nms(given[0].toTensor(), given[1].toTensor(), 0.5)};
  };
  const auto no_names = [](const torch::autograd::Variable&) { return std::string(); };
  CHECK(test::user_error([&] {
          torch::jit::tracer::trace({torch::rand({3, 4}), torch::rand(3)}, choose, no_names);
        }) ==
        "which boxes remain depends on their numbers, and a traced file cannot choose; run the model with mlrun, or "
        "export its weights alone (.safetensors, .pth)");
}
