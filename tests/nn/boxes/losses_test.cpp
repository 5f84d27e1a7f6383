// Losses of detection and their gradients as torchvision computes them (scripts/fixtures/boxes.py).
#include "nn/boxes/losses.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/boxes/cases.h"

using namespace mlrun;

namespace {

void check_loss(const torch::Tensor& loss, const torch::Tensor& variable, const std::string& name) {
  INFO(name);
  const Json& expected = test::box_cases("losses").at(name);
  loss.backward(test::formula(loss.sizes().vec()));
  CHECK(test::near(loss, expected.at("values"), 1e-13));
  CHECK(test::near(variable.grad(), expected.at("gradient"), 1e-12));
}

}  // namespace

TEST_CASE("focal loss equals torchvision's", "[nn][boxes]") {
  const auto targets = torch::arange(120).remainder(7).eq(0).to(torch::kDouble).view({40, 3});
  const auto logits = [] { return (test::formula({40, 3}) * 12).requires_grad_(); };
  const auto weighed = logits(), plain = logits();
  check_loss(nn::sigmoid_focal_loss(weighed, targets), weighed, "focal");
  check_loss(nn::sigmoid_focal_loss(plain, targets, -1, 1.5), plain, "focal_plain");
}

TEST_CASE("generalised IoU's loss equals torchvision's", "[nn][boxes]") {
  const auto boxes = test::boxes(60, 90, torch::kDouble).requires_grad_();
  check_loss(nn::generalized_box_iou_loss(boxes, test::boxes(60, 90, torch::kDouble, 5)), boxes, "giou");
}
