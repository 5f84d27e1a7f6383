#pragma once

#include <string>
#include <vector>

#include <torch/types.h>

#include "base/files.h"
#include "base/json.h"
#include "data/transforms/transform.h"
#include "recipes/registry.h"
#include "support.h"

namespace mlrun::test {

/// Images that scripts/fixtures/transforms.py knows too: `gradient`, `noise` or `binary`.
inline torch::Tensor formula_image(const std::string& kind, std::int64_t height, std::int64_t width,
                                   std::int64_t channels) {
  auto image = torch::empty({height, width, channels}, torch::kUInt8);
  auto* out = image.data_ptr<std::uint8_t>();
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      for (std::uint32_t c = 0; c < channels; ++c) {
        std::uint32_t h = y * 73856093U ^ x * 19349663U ^ (c + 1) * 83492791U;
        h ^= h >> 13;
        h *= 0x5BD1E995U;
        h ^= h >> 15;
        const std::uint32_t value = kind == "gradient" ? x * 3 + y * 5 + c * 40 : kind == "noise" ? h : (h & 1) * 255;
        *out++ = static_cast<std::uint8_t>(value & 255);
      }
    }
  }
  return image;
}

/// A mask of 21 classes, and 255 for some pixels, that scripts/fixtures/scenes.py knows too: uint8 [H, W].
inline torch::Tensor formula_mask(std::int64_t height, std::int64_t width) {
  const auto mask = formula_image("noise", height, width, 1).squeeze(2).remainder(22);
  return mask.masked_fill(mask.eq(21), 255);
}

/// The image that a fixture's case describes.
inline torch::Tensor described_image(const Json& image) {
  const auto shape = image.at("shape").get<std::vector<std::int64_t>>();
  if (image.contains("kind")) return formula_image(image.at("kind"), shape[0], shape[1], shape[2]);
  const std::string bytes = read_file(fixture("data/" + image.at("file").get<std::string>()));
  auto result = torch::empty(shape, torch::kUInt8);
  REQUIRE(bytes.size() == static_cast<std::size_t>(result.numel()));
  std::copy(bytes.begin(), bytes.end(), result.data_ptr<std::uint8_t>());
  return result;
}

inline Json fixture_cases(const std::string& name) { return Json::parse(read_file(fixture(name))).at("cases"); }

inline std::string sha256_of(const torch::Tensor& tensor) {
  REQUIRE(tensor.is_contiguous());
  return sha256(tensor.data_ptr(), tensor.numel() * tensor.element_size());
}

/// The transform `name` with `options` over its defaults.
inline config::Component transform_component(const std::string& name, const Json& options = Json::object()) {
  auto component = recipes::transforms().defaults(name);
  const auto& spec = *recipes::transforms().at(name).options;
  for (const auto& [key, value] : options.items()) {
    if (key == "name") continue;
    INFO(name << "." << key);
    const config::Field* field = spec.find(key);
    REQUIRE(field != nullptr);
    field->set(component.options.get(), value);
  }
  return component;
}

/// What the rules of `name` say about `options`; the first broken one as `key: message`.
inline std::string broken_rule(const std::string& name, const Json& options) {
  const auto component = transform_component(name, options);
  for (const auto& rule : recipes::transforms().at(name).options->rules) {
    const std::string message = rule.broken(component.options.get());
    if (!message.empty()) return rule.key + ": " + message;
  }
  return "";
}

/// One transform alone, without the scaling that a Pipeline ends with.
inline std::unique_ptr<data::Transform> single_transform(const std::string& name, const Json& options = Json::object(),
                                                         const data::TransformContext& context = {}) {
  auto list = recipes::transforms().make(transform_component(name, options), context);
  REQUIRE(list.size() == 1);
  return std::move(list.front());
}

}  // namespace mlrun::test
