#include "recipes/classification/mixing.h"

#include <torch/types.h>

#include "base/files.h"
#include "base/torch_compat.h"
#include "models/parity.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::test;
using classification::Mixed;
using classification::Mixing;

namespace {

const Json& expectations() {
  static const Json all = Json::parse(read_file(fixture("recipes/mixing.json")));
  return all;
}

torch::Tensor images() { return formula({4, 2, 6, 9}).to(torch::kFloat); }
torch::Tensor labels() { return torch::tensor({2, 0, 1, 2}); }

/// Of torchvision's x1, y1, x2, y2.
data::Box box_of(const Json& json) {
  const auto at = [&json](std::size_t i) { return json[i].get<std::int64_t>(); };
  return {at(1), at(0), at(3) - at(1), at(2) - at(0)};
}

void check_mixed(const Mixed& mixed, const Json& expected) {
  const auto pixels = torch::tensor(expected["images"].get<std::vector<double>>(), torch::kFloat);
  CHECK(torch::equal(mixed.images.flatten(), pixels));
  const torch::Tensor targets = mixed.targets(5, torch::kFloat);
  REQUIRE(targets.sizes() == torch::IntArrayRef({4, 5}));
  for (std::int64_t row = 0; row < 4; ++row) {
    const auto shares = expected["targets"][static_cast<std::size_t>(row)].get<std::vector<double>>();
    CHECK((targets[row] - torch::tensor(shares, torch::kFloat)).abs().max().item<double>() < 1e-7);
  }
}

}  // namespace

TEST_CASE("mixup and CutMix with given draws are torchvision's", "[recipes]") {
  for (const Json& expected : expectations()["given"]) {
    INFO(expected["kind"] << " " << expected.value("share", 0.0));
    const torch::Tensor original = images();
    const Mixed mixed = expected["kind"] == "mixup"
                            ? classification::mixup(original, labels(), expected["share"].get<double>())
                            : classification::cutmix(original, labels(), box_of(expected["box"]));
    check_mixed(mixed, expected);
    CHECK(torch::equal(original, images()));
  }
}

TEST_CASE("CutMix's box has the image's form and ends at its border", "[recipes]") {
  REQUIRE(expectations()["boxes"].size() == 30);
  for (const Json& expected : expectations()["boxes"]) {
    INFO(expected);
    const auto number = [&](const char* key) { return expected[key].get<std::int64_t>(); };
    const data::Box box = classification::cut_box(expected["share"].get<double>(), number("x"), number("y"),
                                                  number("width"), number("height"));
    CHECK(box == box_of(expected["box"]));
  }
}

TEST_CASE("draws come from the default generator in torchvision's order", "[recipes]") {
  for (const Json& expected : expectations()["drawn"]) {
    INFO(expected["kind"] << " seed " << expected["seed"]);
    compat::manual_seed(expected["seed"].get<std::uint64_t>());
    const double alpha = expected["alpha"].get<double>();
    const bool mixup = expected["kind"] == "mixup";
    check_mixed(Mixing(mixup ? alpha : 0, mixup ? 0 : alpha)(images(), labels()), expected);
  }
}

TEST_CASE("without alphas nothing is mixed and nothing drawn", "[recipes]") {
  compat::manual_seed(5);
  const torch::Tensor next = torch::rand({3});
  compat::manual_seed(5);
  const torch::Tensor input = images();
  const Mixed mixed = Mixing(0, 0)(input, labels());
  CHECK(mixed.images.is_same(input));
  CHECK(torch::equal(mixed.targets(5, torch::kFloat), labels()));
  CHECK(torch::equal(torch::rand({3}), next));
}

TEST_CASE("with both alphas each batch is mixed in one of the two ways", "[recipes]") {
  const Mixing mixing(1, 1);
  int cut = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    compat::manual_seed(seed);
    const Mixed mixed = mixing(images(), labels());
    // CutMix moves pixels, mixup makes new values.
    const torch::Tensor same = mixed.images.eq(images()).logical_or(mixed.images.eq(images().roll(1, 0)));
    if (same.all().item<bool>()) ++cut;
    CHECK(mixed.targets(5, torch::kDouble).sum(1).sub(1).abs().max().item<double>() < 1e-12);
    compat::manual_seed(seed);
    CHECK(torch::equal(mixing(images(), labels()).images, mixed.images));
  }
  CHECK(cut > 70);
  CHECK(cut < 130);
}
