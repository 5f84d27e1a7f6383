// What the reference of MOSAIC and the Multi-Hardware MobileNets publishes in numbers; parity: segmenters_test.cpp,
// models_test.cpp, backbone_parity_test.cpp.
#include <torch/types.h>
#include <torch/utils.h>

#include "models/backbone.h"
#include "models/parity.h"
#include "nn/norm.h"
#include "support.h"

using namespace mlrun;

namespace {

/// As Keras counts: parameters and moving statistics of what lies below `prefix`.
int64_t counted(const nn::Layer& model, const std::string& prefix) {
  int64_t count = 0;
  for (const auto& [name, tensor] : nn::state_dict(model)) {
    if (name.rfind(prefix, 0) == 0 && tensor.is_floating_point()) count += tensor.numel();
  }
  return count;
}

}  // namespace

TEST_CASE("Multi-Hardware MobileNets have the reference's parameters", "[models]") {
  // TensorFlow Model Garden, official/vision/modeling/backbones/mobilenet_test.py.
  struct Row {
    const char* name;
    double width;
    int64_t params;
  };
  const Row rows[] = {{"mobilenet_multi_avg", 1, 3704416},
                      {"mobilenet_multi_avg", 0.75, 2349704},
                      {"mobilenet_multi_avg_seg", 1, 2239840},
                      {"mobilenet_multi_avg_seg", 0.75, 1395272}};
  for (const Row& row : rows) {
    INFO(row.name << " " << row.width);
    CHECK(counted(*test::make_model(row.name, Json{{"width_mult", row.width}}), "features.") == row.params);
  }
}

TEST_CASE("the levels of Multi-Hardware MobileNets have the reference's channels", "[models]") {
  const auto channels = [](const std::string& name) {
    std::vector<std::pair<int64_t, int64_t>> found;
    for (const auto& level : models::make_backbone(name).levels) found.emplace_back(level.stride, level.channels);
    return found;
  };
  using Levels = std::vector<std::pair<int64_t, int64_t>>;
  CHECK(channels("mobilenet_multi_avg") == Levels{{2, 32}, {4, 32}, {8, 64}, {16, 160}, {32, 960}});
  CHECK(channels("mobilenet_multi_avg_seg") == Levels{{2, 32}, {4, 32}, {8, 64}, {16, 160}, {32, 448}});
  models::BackboneOptions dilated;
  dilated.replace_stride_with_dilation = {true};
  const auto backbone = models::make_backbone("mobilenet_multi_avg_seg", dilated);
  CHECK(backbone.levels.back().stride == 16);
  const torch::NoGradGuard no_grad;
  const auto maps = backbone.body->run({torch::empty({1, 3, 64, 96}, torch::kMeta)});
  CHECK(maps.back().sizes() == torch::IntArrayRef({1, 448, 4, 6}));
}

TEST_CASE("MOSAIC's backbone has the keys of the classifier that it begins with", "[models][segmentation]") {
  const auto classifier = test::make_model("mobilenet_multi_avg_seg"), mosaic = test::make_model("mosaic");
  test::State expected, found;
  for (const auto& [name, tensor] : nn::state_dict(*classifier)) {
    if (name.rfind("features.19.", 0) != 0 && name.rfind("features.", 0) == 0)
      expected.emplace_back(name.substr(9), tensor);
  }
  for (const auto& [name, tensor] : nn::state_dict(*mosaic)) {
    if (name.rfind("backbone.", 0) == 0) found.emplace_back(name.substr(9), tensor);
  }
  CHECK(test::described(found) == test::described(expected));
}

TEST_CASE("MOSAIC's encoder is an option, and its norms are Keras's", "[models][segmentation]") {
  const auto best = test::make_model("mosaic", Json::object(), {19, 3});
  const auto paper = test::make_model("mosaic", Json{{"branch_channels", 32}, {"pyramid_bins", {4, 8, 16}}}, {19, 3});
  CHECK(test::count_parameters(*best) == 1838508);
  CHECK(test::count_parameters(*paper) == 1717292);
  // Without one mean of all pixels there is no part of its own for it.
  CHECK(counted(*best, "neck.global.") == 448 * 64 + 4 * 64);
  CHECK(counted(*paper, "neck.global.") == 0);
  int64_t norms = 0;
  for (nn::Layer* layer : best->all_layers()) {
    if (const auto* norm = dynamic_cast<nn::BatchNorm2d*>(layer)) {
      ++norms;
      CHECK(norm->options().eps == 0.001);
      CHECK(norm->options().momentum == 0.01);
    }
  }
  CHECK(norms == 60);
}

TEST_CASE("MOSAIC refuses images with fewer pixels at stride 16 than bins", "[models][segmentation]") {
  const torch::NoGradGuard no_grad;
  const auto model = test::make_model("mosaic");
  const auto run = [&model](int64_t height, int64_t width) {
    return model->run({torch::empty({1, 3, height, width}, torch::kMeta)}).front();
  };
  CHECK(run(241, 300).sizes() == torch::IntArrayRef({1, 1000, 241, 300}));
  CHECK(
      test::user_error([&] { run(240, 300); }) ==
      "the images are too small for this model: 15x19 pixels are left of them at neck.pools.2; bring them to a larger "
      "size in data.augment and data.preprocess");
}
