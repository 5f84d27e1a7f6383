#pragma once

#include <string>
#include <vector>

#include "images.h"

namespace mlrun::test {

/// A fixture of scripts/fixtures/augment.py: its cases, and the 20 images that they are about.
struct AugmentFixture {
  explicit AugmentFixture(const std::string& name) {
    const Json all = Json::parse(read_file(fixture("data/" + name)));
    cases = all.at("cases");
    const std::string bytes = read_file(fixture("data/augment_images.bin"));
    std::size_t at = 0;
    for (const auto& shape : all.at("shapes")) {
      images.push_back(torch::empty(shape.get<std::vector<std::int64_t>>(), torch::kUInt8));
      const auto size = static_cast<std::size_t>(images.back().numel());
      REQUIRE(at + size <= bytes.size());
      std::copy_n(bytes.data() + at, size, images.back().data_ptr<std::uint8_t>());
      at += size;
    }
    REQUIRE(at == bytes.size());
    REQUIRE(images.size() == 20);
  }

  Json cases;
  std::vector<torch::Tensor> images;
};

/// The first digits, as the fixtures have them.
inline std::string short_sha256(const torch::Tensor& tensor) { return sha256_of(tensor).substr(0, 12); }

/// The fixtures' fill for an image: of three values a grey one takes the first.
inline std::vector<std::uint8_t> fill_for(const Json& fill, const torch::Tensor& image) {
  auto values = fill.get<std::vector<std::uint8_t>>();
  if (image.size(2) == 1) values.resize(1);
  return values;
}

}  // namespace mlrun::test
