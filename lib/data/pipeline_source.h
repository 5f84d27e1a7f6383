#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/sources/source.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

/// Samples of a split with their images turned into model inputs, their targets where the images' parts went, and their
/// labels into what `labels` has in their places (empty: as they are).
class PipelineSource : public Source {
 public:
  PipelineSource(std::shared_ptr<const Source> raw, std::shared_ptr<const Pipeline> pipeline,
                 std::vector<std::int64_t> labels)
      : raw_(std::move(raw)), pipeline_(std::move(pipeline)), labels_(std::move(labels)) {}

  std::int64_t size() const override { return raw_->size(); }
  Sample get(const SampleKey& key) const override;
  Sample get_into(const SampleKey& key, BatchMemory& memory) const override;
  SampleFacts facts(std::int64_t index) const override;

 private:
  Sample labelled(Sample sample) const;

  std::shared_ptr<const Source> raw_;
  std::shared_ptr<const Pipeline> pipeline_;
  std::vector<std::int64_t> labels_;
};

}  // namespace mlrun::data
