#include "data/transforms/random_rotation.h"

#include "data/image/affine.h"
#include "data/transforms/augment_ops.h"

namespace mlrun::data {
namespace {

class RandomRotation : public Transform {
 public:
  RandomRotation(const RotationOptions& options, Resampling resampling)
      : least_(options.degrees.size() == 2 ? options.degrees[0] : -options.degrees[0]),
        largest_(options.degrees.back()),
        resampling_(std::move(resampling)) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    return rotate(image, draw(random), resampling_.interpolation, resampling_.fill);
  }

  Places places() const override { return Places::Moved; }

  void apply_to(Scene& scene, const Surroundings& around, KeyedRandom& random) const override {
    const double angle = draw(random);
    const std::int64_t height = scene.image.size(0), width = scene.image.size(1);
    scene.image = rotate(scene.image, angle, resampling_.interpolation, resampling_.fill);
    around.followers.follow(Warp{rotation_matrix(angle, height, width), height, width}, scene.targets);
  }

 private:
  double draw(KeyedRandom& random) const { return random.uniform(least_, largest_); }

  double least_, largest_;
  Resampling resampling_;
};

}  // namespace

void RotationOptions::declare(config::Declare<RotationOptions>& d) {
  d("degrees", &RotationOptions::degrees, "x: an angle from -x to x; or the least and the largest").unit("degrees");
  d("interpolation", &RotationOptions::interpolation, "how pixels of images are interpolated; masks take the nearest")
      .choices(interpolation_names());
  d("fill", &RotationOptions::fill, "value where nothing of the image is: one, or one per channel").min(0).max(255);
  d.rule("degrees", [](const RotationOptions& o) -> std::string {
    if (o.degrees.empty() || o.degrees.size() > 2) return "takes one value, or the least and the largest angle";
    if (o.degrees.size() == 1) return o.degrees[0] < 0 ? "one value must not be negative" : "";
    return order_problem(o.degrees);
  });
}

std::unique_ptr<Transform> make_random_rotation(const RotationOptions& options, const TransformContext& context) {
  return std::make_unique<RandomRotation>(options, resampling_of({options.interpolation, options.fill}, context));
}

}  // namespace mlrun::data
