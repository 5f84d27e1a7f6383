#include <torch/types.h>

#include "models/parity.h"
#include "nn/layers.h"
#include "support.h"

using namespace mlrun;

namespace {

/// What the rules of `name` say of these options, line by line.
std::string resnet_problems(const std::string& name, const Json& options) {
  const config::Component component = models::models().defaults(name);
  const config::Spec& spec = *models::models().at(name).options;
  for (const auto& [key, value] : options.items()) {
    REQUIRE(spec.find(key));
    spec.find(key)->set(component.options.get(), value);
  }
  std::string text;
  for (const auto& rule : spec.rules) {
    const std::string wrong = rule.broken(component.options.get());
    if (!wrong.empty()) text += rule.key + ": " + wrong + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("what the name of a ResNeXt or wide ResNet says cannot be changed", "[models]") {
  CHECK(resnet_problems("resnext50_32x4d", Json::object()).empty());
  CHECK(resnet_problems("resnext50_32x4d", {{"groups", 32}, {"width_per_group", 4}}).empty());
  CHECK(resnet_problems("resnext50_32x4d", {{"groups", 16}, {"width_per_group", 8}}) ==
        "groups: is 32 in resnext50_32x4d; the plain resnets take other values\n"
        "width_per_group: is 4 in resnext50_32x4d; the plain resnets take other values\n");
  CHECK(resnet_problems("wide_resnet101_2", {{"groups", 2}, {"width_per_group", 64}}) ==
        "width_per_group: is 128 in wide_resnet101_2; the plain resnets take other values\n");
  CHECK(resnet_problems("resnet152", {{"groups", 2}, {"width_per_group", 17}}).empty());
}

TEST_CASE("resnets of basic blocks have no options for groups and dilation", "[models]") {
  for (const char* name : {"resnet18", "resnet34"}) {
    const config::Spec& spec = *models::models().at(name).options;
    for (const char* key : {"groups", "width_per_group", "replace_stride_with_dilation"}) CHECK_FALSE(spec.find(key));
  }
}

TEST_CASE("dilation in place of strides keeps the resolution of later stages", "[models]") {
  const auto size_before_mean = [](const Json& dilation) {
    const auto model = test::make_model("resnet50", {{"replace_stride_with_dilation", dilation}}, {10, 3});
    torch::Tensor x = torch::empty({1, 3, 64, 64}, torch::kMeta);
    for (const auto& layer : model->layers()) {
      if (layer->type() == "AdaptiveAvgPool2d") break;
      x = (*layer)(x);
    }
    return x.size(2);
  };
  CHECK(size_before_mean({false, false, false}) == 2);
  CHECK(size_before_mean({false, false, true}) == 4);
  CHECK(size_before_mean({true, true, true}) == 16);
}
