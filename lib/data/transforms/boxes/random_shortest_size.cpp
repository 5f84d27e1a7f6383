#include "data/transforms/boxes/random_shortest_size.h"

#include <algorithm>

#include "data/transforms/drawn_resize.h"

namespace mlrun::data {
namespace {

class RandomShortestSize : public DrawnResize {
 public:
  explicit RandomShortestSize(const RandomShortestSizeOptions& options)
      : DrawnResize(options.interpolation), shortest_(options.min_size), longest_(options.max_size) {}

  void describe(Json& facts) const override {
    DrawnResize::describe(facts);
    if (shortest_.size() == 1) facts["resize_size"] = shortest_.front();
  }

 private:
  ImageSize draw(std::int64_t height, std::int64_t width, KeyedRandom& random) const override {
    return bounded_size(height, width, shortest_[random.below(shortest_.size())], longest_);
  }

  std::vector<std::int64_t> shortest_;
  std::int64_t longest_;
};

}  // namespace

ImageSize bounded_size(std::int64_t height, std::int64_t width, std::int64_t shortest, std::int64_t longest) {
  const double ratio = std::min(static_cast<double>(shortest) / static_cast<double>(std::min(height, width)),
                                static_cast<double>(longest) / static_cast<double>(std::max(height, width)));
  const auto side = [ratio](std::int64_t length) {
    return std::max<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(length) * ratio), 1);
  };
  return {side(height), side(width)};
}

void RandomShortestSizeOptions::declare(config::Declare<RandomShortestSizeOptions>& d) {
  using O = RandomShortestSizeOptions;
  d("min_size", &O::min_size, "shorter sides of which one is drawn").min(1).unit("pixels");
  d("max_size", &O::max_size, "largest length of the longer side").min(1).unit("pixels");
  declare_interpolation(d);
  d.rule("min_size", [](const O& o) -> std::string { return o.min_size.empty() ? "needs a side at least" : ""; });
}

std::unique_ptr<Transform> make_random_shortest_size(const RandomShortestSizeOptions& options,
                                                     const TransformContext&) {
  return std::make_unique<RandomShortestSize>(options);
}

}  // namespace mlrun::data
