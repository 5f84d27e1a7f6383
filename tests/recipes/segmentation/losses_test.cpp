// Losses of masks, against what scripts/fixtures/mask_losses.py makes of their definitions.
#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "recipes/segmentation/loss.h"
#include "recipes/segmentation/region_losses.h"
#include "support.h"

using namespace mlrun;
using segmentation::Loss;
using segmentation::LossOptions;
using segmentation::MaskLoss;

namespace {

/// A loss of pixels with some of its options set.
LossOptions with_pixels(const std::string& name, const Json& options = Json::object()) {
  LossOptions made;
  made.pixels = segmentation::pixel_terms().defaults(name);
  const auto& spec = *segmentation::pixel_terms().at(name).options;
  for (const auto& [key, value] : options.items()) spec.find(key)->set(made.pixels.options.get(), value);
  return made;
}

/// What the fixture calls by these names.
torch::Tensor loss_named(const std::string& name, const torch::Tensor& logits, const torch::Tensor& mask,
                         const Json& fixture) {
  if (name == "dice") return segmentation::dice_loss(logits, mask);
  if (name == "lovasz") return segmentation::lovasz_loss(logits, mask);
  const bool weighted = name.size() > 9 && name.substr(name.size() - 9) == "_weighted";
  LossOptions options;
  if (name.rfind("focal", 0) == 0) options = with_pixels("focal", {{"gamma", weighted ? 0.5 : 2.0}});
  else if (name == "ohem") options = with_pixels("ohem", {{"thresh", 0.4}, {"min_kept", 2}});
  else if (name.rfind("ohem", 0) == 0) options = with_pixels("ohem", {{"thresh", 0.05}, {"min_kept", 5}});
  if (weighted) options.class_weights = fixture.at("weights").get<std::vector<double>>();
  return MaskLoss(options)(logits, mask).value;
}

torch::Tensor numbers(const Json& list, const std::vector<std::int64_t>& shape) {
  return torch::tensor(list.get<std::vector<double>>(), torch::kDouble).view(shape);
}

struct Some {
  torch::Tensor logits, mask;
};

/// The first image is ignored throughout.
Some some_pixels() {
  torch::manual_seed(0);
  Some some{torch::randn({2, 3, 4, 5}, torch::kDouble), torch::randint(3, {2, 4, 5}, torch::kLong)};
  some.mask[0].fill_(255);
  return some;
}

}  // namespace

TEST_CASE("losses of masks and their gradients are those of their definitions", "[recipes][segmentation]") {
  const Json fixture = Json::parse(read_file(test::fixture("recipes/mask_losses.json")));
  const auto shape = fixture.at("shape").get<std::vector<std::int64_t>>();
  REQUIRE(fixture.at("cases").size() == 2);
  for (const Json& one : fixture.at("cases")) {
    const auto mask = torch::tensor(one.at("mask").get<std::vector<std::int64_t>>(), torch::kLong)
                          .view({shape[0], shape[2], shape[3]});
    REQUIRE(one.at("losses").size() == 9);
    for (const auto& [name, expected] : one.at("losses").items()) {
      INFO(one.at("name") << " " << name);
      const auto logits = numbers(fixture.at("logits"), shape).requires_grad_();
      const auto loss = loss_named(name, logits, mask, fixture);
      CHECK(loss.item<double>() == Approx(expected.at("value").get<double>()).epsilon(1e-12));
      loss.backward();
      const auto difference = (logits.grad() - numbers(expected.at("gradient"), shape)).abs().max();
      CHECK(difference.item<double>() <= 1e-12);
    }
  }
}

TEST_CASE("the loss is a mean over valid pixels, or their weights", "[recipes][segmentation]") {
  const auto [logits, mask] = some_pixels();
  CHECK(MaskLoss({})(logits, mask).units == 20);
  CHECK(MaskLoss(with_pixels("focal"))(logits, mask).units == 20);
  CHECK(MaskLoss(with_pixels("ohem", {{"thresh", 1e-9}, {"min_kept", 7}}))(logits, mask).units == 7);
  CHECK(MaskLoss(with_pixels("ohem", {{"thresh", 1.0}, {"min_kept", 7}}))(logits, mask).units == 20);
  LossOptions weighted;
  weighted.class_weights = {1, 2, 0.5};
  const auto weight = torch::tensor(weighted.class_weights, torch::kDouble).index_select(0, mask[1].flatten());
  CHECK(MaskLoss(weighted)(logits, mask).units == Approx(weight.sum().item<double>()));
}

TEST_CASE("without a pixel that counts every loss is 0 of 0 units", "[recipes][segmentation]") {
  const auto [logits, mask] = some_pixels();
  const auto asked = logits.clone().requires_grad_();
  for (const char* name : {"cross_entropy", "focal", "ohem"}) {
    LossOptions options = with_pixels(name);
    options.dice_weight = options.lovasz_weight = 1;
    const Loss none = MaskLoss(options)(asked, torch::full_like(mask, 255));
    CHECK(none.units == 0);
    CHECK(none.value.item<double>() == 0);
    none.value.backward();
  }
  CHECK(asked.grad().abs().max().item<double>() == 0);
  CHECK(segmentation::dice_loss(logits, torch::full_like(mask, 255)).item<double>() == 0);
  CHECK(segmentation::lovasz_loss(logits, torch::full_like(mask, 255)).item<double>() == 0);
}

TEST_CASE("micro-batches have the losses of their step, weighed by their units", "[recipes][segmentation]") {
  torch::manual_seed(1);
  const auto logits = torch::randn({4, 3, 6, 5}, torch::kDouble);
  auto mask = torch::randint(3, {4, 6, 5}, torch::kLong);
  mask[2].slice(0, 1).fill_(255);
  for (const char* name : {"cross_entropy", "focal", "ohem"}) {
    INFO(name);
    LossOptions options =
        with_pixels(name, std::string(name) == "ohem" ? Json{{"thresh", 0.1}, {"min_kept", 11}} : Json::object());
    options.class_weights = {1, 3, 0.25};
    const MaskLoss loss(options);
    const Loss whole = loss(logits, mask);
    double sum = 0, units = 0;
    for (std::int64_t first : {0, 1, 3}) {
      const std::int64_t count = first == 1 ? 2 : 1;
      const Loss part = loss(logits.narrow(0, first, count), mask.narrow(0, first, count));
      sum += part.value.item<double>() * part.units;
      units += part.units;
    }
    CHECK(units == Approx(whole.units).epsilon(1e-12));
    CHECK(sum / units == Approx(whole.value.item<double>()).epsilon(1e-12));
  }
}

TEST_CASE("focal loss without focus is cross-entropy, in float32 too where pixels are sure",
          "[recipes][segmentation]") {
  const auto [logits, mask] = some_pixels();
  const double plain = MaskLoss({})(logits, mask).value.item<double>();
  CHECK(MaskLoss(with_pixels("focal", {{"gamma", 0}}))(logits, mask).value.item<double>() ==
        Approx(plain).epsilon(1e-12));
  const auto sure = (torch::one_hot(mask.remainder(5).clamp_max(2), 3).permute({0, 3, 1, 2}) * 200).to(torch::kFloat);
  const auto asked = sure.clone().requires_grad_();
  MaskLoss(with_pixels("focal", {{"gamma", 0.5}}))(asked, mask).value.backward();
  CHECK(asked.grad().isfinite().all().item<bool>());
}

TEST_CASE("Dice and Lovasz are 0 where every pixel is right and 1 where none is", "[recipes][segmentation]") {
  const auto mask = torch::tensor({0, 1, 1, 0}, torch::kLong).view({1, 2, 2});
  const auto right = torch::one_hot(mask, 2).permute({0, 3, 1, 2}).to(torch::kDouble) * 200 - 100;
  for (const auto& loss : {segmentation::dice_loss, segmentation::lovasz_loss}) {
    CHECK(loss(right, mask).item<double>() == Approx(0).margin(1e-9));
    CHECK(loss(right.flip(1), mask).item<double>() == Approx(1).epsilon(1e-6));
  }
}
