#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/sources/source.h"
#include "data/transforms/transform.h"

namespace mlrun::classification {

/// Samples of a split with their images turned into model inputs, and their labels into what `labels` has in their
/// places (empty: as they are).
class PreparedSource : public data::Source {
 public:
  PreparedSource(std::shared_ptr<const data::Source> raw, std::shared_ptr<const data::Pipeline> pipeline,
                 std::vector<std::int64_t> labels)
      : raw_(std::move(raw)), pipeline_(std::move(pipeline)), labels_(std::move(labels)) {}

  std::int64_t size() const override { return raw_->size(); }
  data::Sample get(const data::SampleKey& key) const override;
  data::Sample get_into(const data::SampleKey& key, data::BatchMemory& memory) const override;
  data::SampleFacts facts(std::int64_t index) const override;

 private:
  data::Sample labelled(data::Sample sample) const;

  std::shared_ptr<const data::Source> raw_;
  std::shared_ptr<const data::Pipeline> pipeline_;
  std::vector<std::int64_t> labels_;
};

}  // namespace mlrun::classification
