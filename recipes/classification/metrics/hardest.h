#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/fields.h"
#include "data/sources/source.h"

namespace mlrun::classification {

/// A sample that was taken for another class than its own.
struct HardSample {
  std::string id;
  std::int64_t index = 0;  ///< position in its split
  std::int64_t label = 0, predicted = 0;
  double loss = 0;         ///< cross-entropy in nats
  double probability = 0;  ///< of the predicted class
};

/// Keeps the misclassified samples with the highest loss; of equals the earlier ones. Input and refusals as in
/// accuracy.h; samples with a NaN among their logits are not kept.
class HardestSamples {
 public:
  HardestSamples(const data::DataInfo& info, std::size_t most);
  ~HardestSamples();
  HardestSamples(const HardestSamples&) = delete;
  HardestSamples& operator=(const HardestSamples&) = delete;

  void update(const data::Fields& prediction, const data::Batch& batch);
  /// The highest loss first.
  std::vector<HardSample> list() const;

 private:
  class Collector;
  std::unique_ptr<Collector> collector_;
};

}  // namespace mlrun::classification
