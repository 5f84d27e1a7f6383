#include <set>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/images.h"
#include "data/scenes.h"
#include "data/transforms/boxes/copy_paste.h"
#include "data/transforms/boxes/fixed_size_crop.h"
#include "data/transforms/boxes/iou_crop.h"
#include "data/transforms/boxes/photometric_distort.h"
#include "data/transforms/boxes/random_shortest_size.h"
#include "data/transforms/boxes/zoom_out.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// Boxes, labels and masks of things.
Followers thing_followers() {
  return {{"boxes", follow_boxes()}, {"labels", follow_rows()}, {"masks", follow_masks(0)}};
}

/// Nobody else.
class Alone : public Others {
 public:
  Scene draw(KeyedRandom&) const override { throw UserError("nobody else"); }
};

/// Always the same one.
class Another : public Others {
 public:
  explicit Another(Scene scene) : scene_(std::move(scene)) {}
  Scene draw(KeyedRandom&) const override { return scene_; }

 private:
  Scene scene_;
};

/// An image whose things are the rectangles `boxes`, of whole pixels.
Scene scene_of(std::int64_t height, std::int64_t width, std::uint8_t value, const torch::Tensor& boxes,
               std::int64_t first_label) {
  Scene scene;
  scene.image = torch::full({height, width, 3}, value, torch::kByte);
  const torch::Tensor masks = torch::zeros({boxes.size(0), height, width}, torch::kByte);
  for (std::int64_t i = 0; i < boxes.size(0); ++i) {
    const auto side = [&](int at) { return static_cast<std::int64_t>(boxes[i][at].item<float>()); };
    masks[i].slice(0, side(1), side(3)).slice(1, side(0), side(2)).fill_(1);
  }
  scene.targets.set("boxes", boxes);
  scene.targets.set("labels", torch::arange(first_label, first_label + boxes.size(0), torch::kLong));
  scene.targets.set("masks", masks);
  return scene;
}

torch::Tensor rows(std::initializer_list<std::array<float, 4>> boxes) {
  torch::Tensor tensor = torch::empty({static_cast<std::int64_t>(boxes.size()), 4});
  std::int64_t i = 0;
  for (const auto& box : boxes) {
    for (int k = 0; k < 4; ++k) tensor[i][k] = box[static_cast<std::size_t>(k)];
    ++i;
  }
  return tensor;
}

}  // namespace

TEST_CASE("a canvas is as large as torchvision's zoom-out makes it", "[data][boxes]") {
  // int(float32 products): 100 * 1.5, 60 * 1.5, then the shares of what is left
  CHECK((zoomed_canvas(60, 100, 1.5F, 0.5F, 0.25F) == Box{-7, -25, 90, 150}));
  CHECK((zoomed_canvas(60, 100, 1.0F, 0.9F, 0.9F) == Box{0, 0, 60, 100}));
  CHECK((zoomed_canvas(3, 7, 2.9999F, 0.999F, 0.0F) == Box{0, -12, 8, 20}));
}

TEST_CASE("zooming out moves boxes and shows the fill", "[data][boxes]") {
  const auto zoom = test::single_transform("random_zoom_out", {{"p", 1.0}, {"fill", {9}}, {"side_range", {2.0, 2.0}}});
  Scene scene = scene_of(6, 10, 200, rows({{1, 2, 5, 6}}), 0);
  KeyedRandom random(3, "test");
  Window window(6, 10);
  REQUIRE(zoom->plan(window, random));
  CHECK(window.height() == 12);
  CHECK(window.width() == 20);
  const Box shown = window.shown();
  thing_followers().follow(window, scene.targets);
  const auto moved = torch::tensor({1.0F + shown.left, 2.0F + shown.top, 5.0F + shown.left, 6.0F + shown.top});
  CHECK(scene.targets.tensor("boxes")[0].equal(moved));
  random = KeyedRandom(3, "test");
  const torch::Tensor image = zoom->apply(scene.image, random);
  CHECK(image.eq(200).sum().item<std::int64_t>() == 6 * 10 * 3);
  CHECK(image.eq(9).sum().item<std::int64_t>() == (12 * 20 - 60) * 3);
  const auto never = test::single_transform("random_zoom_out", {{"p", 0.0}});
  random = KeyedRandom(3, "test");
  CHECK(never->apply(scene.image, random).equal(scene.image));
}

TEST_CASE("parts are drawn as torchvision's IoU crop draws them", "[data][boxes]") {
  const IouCropOptions options;
  // 0.3 + 0.7 * r in float32: width 100 * 0.65, height 50 * 0.86; left int(35 * 0.5), top int(7 * 0.99)
  const auto crop = drawn_crop(50, 100, options, {0.5F, 0.8F, 0.5F, 0.99F});
  REQUIRE(crop);
  CHECK((*crop == Box{6, 17, 43, 65}));
  CHECK_FALSE(drawn_crop(50, 100, options, {1.0F, 0.1F, 0.5F, 0.5F}));  // flatter than 2 to 1
  CHECK_FALSE(drawn_crop(1, 1, options, {0.1F, 0.1F, 0.5F, 0.5F}));     // no pixel
  const auto boxes = rows({{0, 0, 10, 10}, {20, 10, 40, 30}, {60, 40, 100, 50}});
  CHECK(boxes_in(boxes, *crop, 0)->equal(torch::tensor({false, true, true})));
  const double iou = 400.0 / (43 * 65);
  CHECK(boxes_in(boxes, *crop, iou - 1e-3));
  CHECK_FALSE(boxes_in(boxes, *crop, iou + 1e-3));
  CHECK_FALSE(boxes_in(rows({{0, 0, 10, 10}}), *crop, 0));
}

TEST_CASE("an IoU crop keeps the things whose middles it holds", "[data][boxes]") {
  const auto crop = test::single_transform("random_iou_crop");
  const auto followers = thing_followers();
  const Alone alone;
  int cut = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Scene scene = scene_of(40, 60, 7, rows({{2, 3, 12, 13}, {30, 20, 58, 38}, {20, 5, 24, 30}}), 4);
    const torch::Tensor before = scene.targets.tensor("masks").clone();
    KeyedRandom random(seed, "test");
    crop->apply_to(scene, {followers, alone}, random);
    const auto& boxes = scene.targets.tensor("boxes");
    cut += scene.image.size(0) < 40 || scene.image.size(1) < 60 ? 1 : 0;
    REQUIRE(boxes.size(0) >= 1);
    REQUIRE(scene.targets.tensor("labels").size(0) == boxes.size(0));
    REQUIRE(scene.targets.tensor("masks").sizes() ==
            torch::IntArrayRef({boxes.size(0), scene.image.size(0), scene.image.size(1)}));
    CHECK(has_area(boxes).all().item<bool>());
    CHECK(boxes.slice(1, 2, 3).max().item<float>() <= static_cast<float>(scene.image.size(1)));
    for (std::int64_t i = 0; i < boxes.size(0); ++i) {  // a mask is its box, cut as the box was
      const auto side = [&](int at) { return static_cast<std::int64_t>(boxes[i][at].item<float>()); };
      CHECK(scene.targets.tensor("masks")[i].sum().item<std::int64_t>() == (side(2) - side(0)) * (side(3) - side(1)));
    }
  }
  CHECK(cut > 20);
  CHECK(cut < 40);
  Scene empty = scene_of(40, 60, 7, torch::empty({0, 4}), 0);
  KeyedRandom random(1, "test");
  crop->apply_to(empty, {followers, alone}, random);
  CHECK(empty.image.size(0) == 40);
  CHECK(test::broken_rule("random_iou_crop", {{"sampler_options", {0.5}}}) ==
        "sampler_options: needs an option of 1 (the image as it is), for not every image has another");
}

TEST_CASE("a crop of fixed size cuts and pads, and drops what is not shown", "[data][boxes]") {
  const auto crop = test::single_transform("fixed_size_crop", {{"size", {10, 8}}, {"fill", {5}}});
  CHECK(crop->drops_hidden());
  const torch::Tensor wide = test::formula_image("noise", 6, 20, 3);
  KeyedRandom random(1, "test"), same(1, "test");
  const torch::Tensor image = crop->apply(wide, random);
  REQUIRE(image.sizes() == torch::IntArrayRef({10, 8, 3}));
  const auto left = static_cast<std::int64_t>(12.0F * static_cast<float>(same.uniform()));
  CHECK(image.slice(0, 0, 6).equal(wide.slice(1, left, left + 8)));
  CHECK(image.slice(0, 6).eq(5).all().item<bool>());
  Fields targets{{"boxes", rows({{0, 0, 4, 4}, {5, 5, 5, 9}, {3, 3, 8, 8}})}, {"labels", torch::tensor({1, 2, 3})}};
  thing_followers().keep_shown(targets);
  CHECK(targets.tensor("labels").equal(torch::tensor({1, 3})));
}

TEST_CASE("a shortest size is bounded by the longest", "[data][boxes]") {
  const auto is = [](ImageSize size, std::int64_t height, std::int64_t width) {
    return size.height == height && size.width == width;
  };
  CHECK(is(bounded_size(480, 640, 800, 1333), 800, 1066));
  CHECK(is(bounded_size(375, 1242, 800, 1333), 402, 1333));
  CHECK(is(bounded_size(100, 50, 480, 1333), 960, 480));
  CHECK(is(bounded_size(1, 4000, 480, 1333), 1, 1333));
  const auto resize = test::single_transform("random_shortest_size", {{"min_size", {20, 30}}, {"max_size", 100}});
  std::set<std::int64_t> sides;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    KeyedRandom random(seed, "test");
    sides.insert(resize->apply(test::formula_image("gradient", 10, 20, 3), random).size(0));
  }
  CHECK(sides == std::set<std::int64_t>{20, 30});
  CHECK(test::broken_rule("random_shortest_size", {{"min_size", Json::array()}}) == "min_size: needs a side at least");
}

TEST_CASE("photometric distortion is its adjustments, one after another", "[data][boxes]") {
  const torch::Tensor image = test::formula_image("noise", 5, 7, 3);
  CHECK(photometric_distort(image, {}).equal(image));
  PhotometricDraw draw;
  draw.channels = {2, 0, 1};
  const torch::Tensor mixed = photometric_distort(image, draw);
  CHECK(mixed.select(2, 0).equal(image.select(2, 2)));
  CHECK(mixed.select(2, 1).equal(image.select(2, 0)));
  CHECK(mixed.is_contiguous());
  draw = {};
  draw.contrast = 0.6;
  draw.saturation = 1.4;
  const torch::Tensor late = photometric_distort(image, draw);
  draw.contrast_first = true;
  CHECK_FALSE(photometric_distort(image, draw).equal(late));
  const auto transform = test::single_transform("random_photometric_distort", {{"p", 1.0}});
  CHECK(transform->places() == Places::Stay);
  KeyedRandom first(1, "test"), second(2, "test"), again(1, "test");
  const torch::Tensor one = transform->apply(image, first);
  CHECK_FALSE(one.equal(image));
  CHECK_FALSE(transform->apply(image, second).equal(one));
  CHECK(transform->apply(image, again).equal(one));
  const auto never = test::single_transform("random_photometric_distort", {{"p", 0.0}});
  CHECK(never->apply(image, again).equal(image));
}

TEST_CASE("things are pasted over others, whose masks and boxes give way", "[data][boxes]") {
  const auto followers = thing_followers();
  const Scene other = scene_of(8, 10, 200, rows({{0, 0, 4, 8}, {6, 1, 9, 3}}), 20);
  Scene scene = scene_of(8, 10, 50, rows({{1, 1, 3, 3}, {2, 4, 8, 8}}), 10);
  paste(scene, other, torch::tensor({0}, torch::kLong), false, followers);
  CHECK(scene.image.select(2, 0).slice(1, 0, 4).eq(200).all().item<bool>());
  CHECK(scene.image.select(2, 0).slice(1, 4).eq(50).all().item<bool>());
  CHECK(scene.targets.tensor("labels").equal(torch::tensor({11, 20}, torch::kLong)));  // the first is covered
  CHECK(scene.targets.tensor("boxes").equal(rows({{4, 4, 7, 7}, {0, 0, 4, 8}})));      // masks_to_boxes' sides
  CHECK(scene.targets.tensor("masks")[0].sum().item<std::int64_t>() == 16);
  CHECK(scene.targets.tensor("masks").sum(0).le(1).all().item<bool>());
  Scene wide = scene_of(8, 10, 50, rows({{2, 4, 8, 8}}), 10);
  paste(wide, other, torch::tensor({0}, torch::kLong), true, followers);
  CHECK(wide.image.select(2, 0).slice(1, 0, 6).eq(200).all().item<bool>());  // two pixels wider
  CHECK(wide.image.select(2, 0).slice(1, 6).eq(50).all().item<bool>());
  CHECK(wide.targets.tensor("masks")[1].sum().item<std::int64_t>() == 32);
}

TEST_CASE("copy-paste takes drawn things of another sample of any size", "[data][boxes]") {
  const auto followers = thing_followers();
  const auto transform = test::single_transform("simple_copy_paste");
  const Another another(scene_of(16, 20, 200, rows({{0, 0, 8, 16}}), 20));
  Scene scene = scene_of(8, 10, 50, rows({{6, 1, 9, 7}}), 10);
  KeyedRandom random(1, "test");
  transform->apply_to(scene, {followers, another}, random);
  CHECK(scene.targets.tensor("labels").equal(torch::tensor({10, 20}, torch::kLong)));
  CHECK(scene.targets.tensor("boxes")[1].equal(torch::tensor({0.0F, 0.0F, 4.0F, 8.0F})));
  CHECK(scene.image.sizes() == torch::IntArrayRef({8, 10, 3}));
  const Another nothing(scene_of(16, 20, 200, torch::empty({0, 4}), 20));
  transform->apply_to(scene, {followers, nothing}, random);
  CHECK(scene.targets.tensor("labels").size(0) == 2);
  Scene plain = scene_of(8, 10, 50, rows({{6, 1, 9, 7}}), 10);
  const Followers boxes{{"boxes", follow_boxes()}};
  CHECK(test::user_error([&] {
          transform->apply_to(plain, {boxes, another}, random);
        }) == "simple_copy_paste needs masks of things; set data.masks: true");
}

}  // namespace mlrun::data
