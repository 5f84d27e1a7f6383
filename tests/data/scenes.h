#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/image/decode.h"
#include "data/images.h"
#include "data/transforms/follower.h"
#include "data/transforms/transform.h"

namespace mlrun::test {

/// Targets of every kind for an image: `mask` [H, W], `things` [3, H, W], `boxes`, `labels`, `points`, and a `name`
/// that nothing follows.
inline data::Fields formula_targets(std::int64_t height, std::int64_t width) {
  data::Fields targets;
  const auto sides = torch::tensor({width, height, width, height}, torch::kFloat);
  const auto shares = torch::tensor({{0.0, 0.0, 1.0, 1.0}, {0.03, 0.07, 0.43, 0.61}, {0.517, 0.333, 0.98, 0.41}});
  const auto points = torch::tensor({{0.1, 0.2, 2.0}, {0.31, 0.43, 1.0}, {0.5, 0.47, 2.0}, {0.9, 0.2, 0.0}});
  const auto mask = formula_mask(height, width);
  targets.set("mask", mask);
  targets.set("things", torch::stack({mask.eq(1), mask.gt(9), mask.lt(3)}));
  targets.set("numbers", mask.to(torch::kLong) * 1000);
  targets.set("boxes", shares.to(torch::kFloat) * sides);
  targets.set("labels", torch::tensor({4, 5, 6}, torch::kLong));
  targets.set("points", (points.to(torch::kFloat) * torch::tensor({width, height, 1L}, torch::kFloat)).unsqueeze(0));
  targets.set("name", std::string("scene"));
  return targets;
}

inline data::Followers all_followers() {
  return {{"mask", data::follow_masks(255)},   {"things", data::follow_masks(0)},
          {"numbers", data::follow_masks(-1)}, {"boxes", data::follow_boxes()},
          {"labels", data::follow_rows()},     {"points", data::follow_keypoints({{0, 1}})}};
}

inline const std::vector<std::string>& followed_fields() {
  static const std::vector<std::string> names = {"mask", "things", "numbers", "boxes", "labels", "points"};
  return names;
}

inline void require_equal_targets(const data::Fields& found, const data::Fields& expected) {
  REQUIRE(found.size() == expected.size());
  for (const std::string& name : followed_fields()) {
    INFO(name << "\n" << found.tensor(name) << "\n" << expected.tensor(name));
    REQUIRE(found.tensor(name).dtype() == expected.tensor(name).dtype());
    REQUIRE(torch::equal(found.tensor(name), expected.tensor(name)));
  }
}

/// Samples with such targets: the images in memory, or with `files` as they lie there.
class SceneSource : public data::Source {
 public:
  explicit SceneSource(std::vector<torch::Tensor> images) : images_(std::move(images)) {}
  explicit SceneSource(std::vector<std::string> files) : files_(std::move(files)) {
    for (const auto& file : files_) images_.push_back(data::decode_image(read_file(file), file));
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(images_.size()); }
  data::Sample get(const data::SampleKey& key) const override {
    data::Sample sample = without_image(key);
    sample.inputs.set("image", images_.at(static_cast<std::size_t>(key.index)));
    return sample;
  }
  data::EncodedSample encoded(const data::SampleKey& key) const override {
    if (files_.empty()) return {};
    const std::string& file = files_.at(static_cast<std::size_t>(key.index));
    return {without_image(key), {std::make_shared<const std::string>(read_file(file)), file}};
  }

  const std::vector<torch::Tensor>& images() const { return images_; }

 private:
  data::Sample without_image(const data::SampleKey& key) const {
    const auto& image = images_.at(static_cast<std::size_t>(key.index));
    data::Sample sample;
    sample.id = "scene " + std::to_string(key.index);
    sample.index = key.index;
    sample.targets = formula_targets(image.size(0), image.size(1));
    return sample;
  }

  std::vector<std::string> files_;
  std::vector<torch::Tensor> images_;
};

inline std::vector<config::Component> transform_components(const Json& steps) {
  std::vector<config::Component> list;
  for (const auto& step : steps) {
    if (step.is_string()) list.push_back(transform_component(step));
    else list.push_back(transform_component(step.at("name"), step));
  }
  return list;
}

}  // namespace mlrun::test
