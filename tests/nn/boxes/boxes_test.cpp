// Boxes as torchvision has them (scripts/fixtures/boxes.py).
#include <array>
#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/torch_compat.h"
#include "nn/boxes/box_coder.h"
#include "nn/boxes/box_ops.h"
#include "nn/boxes/cases.h"
#include "nn/boxes/matcher.h"
#include "nn/boxes/operators.h"

using namespace mlrun;
using test::box_cases;

TEST_CASE("areas, intersections, clipping and sides of boxes equal torchvision's to the bit", "[nn][boxes]") {
  const Json& expected = box_cases("plain");
  const auto a = test::boxes(40, 90, torch::kFloat), b = test::boxes(60, 90, torch::kFloat, 3);
  CHECK(test::digest(nn::box_area(a)) == expected.at("area"));
  CHECK(test::digest(nn::box_iou(a, b)) == expected.at("iou"));
  CHECK(test::digest(nn::box_iou(a.to(torch::kDouble), b.to(torch::kDouble))) == expected.at("iou64"));
  CHECK(test::digest(nn::box_iou_by_operators(a, b)) == expected.at("iou"));
  CHECK(test::digest(nn::clip_boxes(a, 70, 80)) == expected.at("clipped"));
  CHECK(test::rows(nn::rows_of_sides(a, 9.5)) == expected.at("large").get<std::vector<std::int64_t>>());
}

TEST_CASE("IoU of boxes in rows of any length is that of operators, NaN too", "[nn][boxes]") {
  for (const std::int64_t count : {0, 1, 7, 5000}) {
    auto a = test::boxes(9, 90, torch::kFloat), b = test::boxes(count, 90, torch::kFloat, 2);
    a[4] = 5;  // without area
    a[5][2] = std::numeric_limits<float>::quiet_NaN();
    if (count > 6) b[6] = 5;
    const auto wanted = nn::box_iou_by_operators(a, b), found = nn::box_iou(a, b);
    CHECK(found.nan_to_num(-7).equal(wanted.nan_to_num(-7)));
    CHECK(nn::box_iou(b, a).nan_to_num(-7).equal(wanted.t().nan_to_num(-7)));
  }
}

TEST_CASE("areas of small integers and half floats do not overflow", "[nn][boxes]") {
  const auto box = torch::tensor({0, 0, 600, 600}).view({1, 4});
  CHECK(nn::box_area(box.to(torch::kShort)).item<double>() == 360000);
  CHECK(nn::box_area(box.to(torch::kHalf)).item<double>() == 360000);
}

TEST_CASE("codes of boxes equal torchvision's", "[nn][boxes]") {
  const auto a = test::boxes(50, 90, torch::kFloat), b = test::boxes(50, 90, torch::kFloat, 7);
  const auto codes = (test::formula({50, 12}) * 8).to(torch::kFloat);
  for (const Json& expected : box_cases("coder")) {
    const auto weights = expected.at("weights").get<std::array<double, 4>>();
    const nn::BoxCoder coder(weights);
    CHECK(test::near(coder.encode(a, b), expected.at("encoded"), 1e-6));
    CHECK(test::near(coder.decode(codes, b), expected.at("decoded"), 1e-6));
  }
  for (const Json& expected : box_cases("linear")) {
    const nn::LinearBoxCoder coder(expected.at("normalise").get<bool>());
    CHECK(test::digest(coder.encode(b, a)) == expected.at("encoded"));
    CHECK(test::digest(coder.decode(test::formula({50, 4}).to(torch::kFloat), b)) == expected.at("decoded"));
  }
}

TEST_CASE("predictions are matched as torchvision's matchers do", "[nn][boxes]") {
  auto iou = nn::box_iou(test::boxes(9, 90, torch::kFloat), test::boxes(500, 90, torch::kFloat, 3));
  iou[3] = iou[2].clone();  // ties
  const Json& expected = box_cases("matcher");
  for (const Json& one : expected.at("cases")) {
    const nn::Matcher matcher(one.at("high"), one.at("low"), one.at("low_quality"));
    CHECK(test::rows(matcher(iou)) == one.at("matched").get<std::vector<std::int64_t>>());
  }
  CHECK(test::rows(nn::match_ssd(iou, 0.5)) == expected.at("ssd").get<std::vector<std::int64_t>>());
}

TEST_CASE("of two true boxes with one best prediction the last gets it", "[nn][boxes]") {
  const auto iou = torch::tensor({0.1, 0.2, 0.0, 0.1, 0.9, 0.0}).view({2, 3});
  CHECK(test::rows(nn::match_ssd(iou, 0.5)) == std::vector<std::int64_t>{-1, 1, -1});
}

TEST_CASE("samples are drawn as torchvision draws them", "[nn][boxes]") {
  for (const Json& expected : box_cases("sampler")) {
    const auto count = expected.at("count").get<std::int64_t>(), every = expected.at("every").get<std::int64_t>();
    const auto numbers = torch::arange(count);
    const auto others = torch::where(numbers.remainder(5).eq(0), torch::full({count}, -1, torch::kLong),
                                     torch::zeros({count}, torch::kLong));
    const auto labels = torch::where(numbers.remainder(every).eq(1), numbers, others);
    compat::manual_seed(4);
    const auto [positive, negative] = nn::sample_balanced(labels, expected.at("wanted"), expected.at("share"));
    CHECK(test::rows(positive) == expected.at("positive").get<std::vector<std::int64_t>>());
    CHECK(test::rows(negative) == expected.at("negative").get<std::vector<std::int64_t>>());
    CHECK(torch::rand({1}).item<double>() == expected.at("following").get<double>());
  }
}
