#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "data/sources/source.h"

namespace mlrun::data {

/// Labelled images at chosen positions of all that a data set holds.
class SelectedSource : public Source {
 public:
  explicit SelectedSource(std::vector<std::int64_t> positions) : positions_(std::move(positions)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(positions_.size()); }
  Sample get(const SampleKey& key) const override;
  SampleFacts facts(std::int64_t index) const override { return facts_at(place(index)); }

 protected:
  virtual SampleFacts facts_at(std::int64_t position) const = 0;
  /// uint8 [H, W, C].
  virtual torch::Tensor image_at(std::int64_t position) const = 0;

  /// The position of the sample at `index` of this source.
  std::int64_t place(std::int64_t index) const;
  /// The sample without its image.
  Sample labelled(const SampleKey& key) const;

 private:
  std::vector<std::int64_t> positions_;
};

/// One whose images are encoded.
class EncodedSource : public SelectedSource {
 public:
  using SelectedSource::SelectedSource;

  EncodedSample encoded(const SampleKey& key) const override;

 protected:
  virtual EncodedImage encoded_at(std::int64_t position) const = 0;
  torch::Tensor image_at(std::int64_t position) const override;
};

}  // namespace mlrun::data
