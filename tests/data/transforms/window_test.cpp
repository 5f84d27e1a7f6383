#include "data/transforms/window.h"

#include "data/image/reader.h"
#include "data/images.h"

using namespace mlrun;
using namespace mlrun::data;

namespace {

torch::Tensor of(const torch::Tensor& image, const Window& window) { return ImageReader(image).bytes(window); }

Box drawn_box(const Window& window, KeyedRandom& random, bool outside) {
  const auto below = [&](std::int64_t bound) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound)));
  };
  const std::int64_t more = outside ? 12 : 0;
  Box box{0, 0, 1 + below(window.height() + more), 1 + below(window.width() + more)};
  box.top = below(std::max<std::int64_t>(window.height() - box.height, 0) + 1 + more) - more / 2;
  box.left = below(std::max<std::int64_t>(window.width() - box.width, 0) + 1 + more) - more / 2;
  return box;
}

/// One step of many kinds.
Window drawn_step(std::int64_t height, std::int64_t width, KeyedRandom& random) {
  Window window(height, width);
  const auto kind = random.below(6);
  const auto side = [&] { return 1 + static_cast<std::int64_t>(random.below(40)); };
  if (kind == 0) window.mirror();
  else if (kind == 1) window.upturn();
  else if (kind == 2) window.crop(drawn_box(window, random, false));
  else if (kind == 3)
    CHECK(window.frame(drawn_box(window, random, true), {static_cast<std::uint8_t>(random.below(2))}));
  else if (kind == 4) CHECK(window.resize(side(), side(), Interpolation::Bilinear));
  else CHECK(window.crop_and_resize(drawn_box(window, random, false), side(), side(), Interpolation::Bicubic));
  return window;
}

}  // namespace

TEST_CASE("a frame that reaches outside has its fill there", "[data][window]") {
  const auto image = torch::arange(6, torch::kByte).view({2, 3, 1});
  Window window(2, 3);
  REQUIRE(window.frame({-1, 1, 4, 3}, {9}));
  CHECK(window.padded());
  CHECK(torch::equal(of(image, window).squeeze(2),
                     torch::tensor({{9, 9, 9}, {1, 2, 9}, {4, 5, 9}, {9, 9, 9}}).to(torch::kByte)));
  window.mirror();
  CHECK(window.shown() == Box{1, 1, 2, 2});
  CHECK(torch::equal(of(image, window).squeeze(2),
                     torch::tensor({{9, 9, 9}, {9, 2, 1}, {9, 5, 4}, {9, 9, 9}}).to(torch::kByte)));
  window.crop({1, 1, 2, 2});
  CHECK_FALSE(window.padded());
  CHECK(torch::equal(of(image, window).squeeze(2), torch::tensor({{2, 1}, {5, 4}}).to(torch::kByte)));
}

TEST_CASE("what was cropped away does not come back", "[data][window]") {
  const auto image = torch::arange(9, torch::kByte).view({3, 3, 1});
  Window window(3, 3);
  window.crop({1, 1, 1, 1});
  REQUIRE(window.frame({-1, -1, 3, 3}, {7}));
  CHECK(torch::equal(of(image, window).squeeze(2), torch::tensor({{7, 7, 7}, {7, 4, 7}, {7, 7, 7}}).to(torch::kByte)));
  CHECK_FALSE(window.frame({-1, 0, 3, 3}, {8}));             // another fill
  CHECK_FALSE(window.resize(6, 6, Interpolation::Nearest));  // of what has a margin
  CHECK(window.resize(3, 3, Interpolation::Nearest));        // it is of that size
  CHECK((window.height() == 3 && window.width() == 3));
}

TEST_CASE("a window may show nothing of its image", "[data][window]") {
  const auto image = test::formula_image("noise", 4, 5, 3);
  Window window(4, 5);
  REQUIRE(window.frame({-6, 0, 3, 5}, {1, 2, 3}));
  CHECK(window.shown() == Box{});
  const auto fill = torch::tensor({1, 2, 3}).to(torch::kByte).expand({3, 5, 3});
  CHECK(torch::equal(of(image, window), fill));
  window.mirror();
  window.crop({1, 1, 2, 2});
  REQUIRE(window.frame({-9, -9, 30, 30}, {1, 2, 3}));  // over where the image was
  CHECK(torch::equal(of(image, window), fill[0][0].expand({30, 30, 3})));
  CHECK(window.nearest_rows() == Positions(30, kNowhere));
}

TEST_CASE("windows of windows are one, or say that they are not", "[data][window]") {
  int joined = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    KeyedRandom random(8, "windows", i);
    torch::Tensor image = test::formula_image("noise", 3 + static_cast<std::int64_t>(random.below(30)), 17, 2);
    Window all(image.size(0), image.size(1));
    for (int step = 0; step < 5; ++step) {
      const Window next = drawn_step(all.height(), all.width(), random);
      const torch::Tensor expected = of(of(image, all), next);
      const bool trivial = next.trivial();
      if (all.then(next)) {
        joined += step > 0 && !trivial ? 1 : 0;
      } else {
        image = of(image, all);  // as it was
        all = next;
      }
      REQUIRE((all.height() == next.height() && all.width() == next.width()));
      REQUIRE(torch::equal(of(image, all), expected));
    }
  }
  CHECK(joined > 3000);
}

TEST_CASE("no more of an image is read than is shown", "[data][window]") {
  Window window(100, 80);
  REQUIRE(window.resize(50, 40, Interpolation::Nearest));
  REQUIRE(window.frame({-5, 30, 20, 20}, {0}));  // rows 0 to 14, columns 30 to 39
  const Box needed = WindowReader(window, 3).needed();
  CHECK(needed == Box{1, 61, 29, 19});
  Window inside(100, 80);
  inside.crop({10, 20, 5, 6});
  inside.mirror();
  CHECK(WindowReader(inside, 3).needed() == Box{10, 20, 5, 6});
}
