#include "recipes/classification/metrics/hardest.h"

#include <cmath>

#include "metrics/worst.h"
#include "recipes/classification/metrics/per_sample.h"

namespace mlrun::classification {

class HardestSamples::Collector : public PerSample {
 public:
  Collector(const data::DataInfo& info, std::size_t most) : PerSample(info), samples_(most) {}

  void begin(const data::Batch& batch) {
    batch_ = &batch;
    next_ = 0;
  }
  std::vector<HardSample> samples() const { return samples_.list(); }

  void merge(const Metric&) override {}
  Figures compute() const override { return {}; }
  void save(data::State&, const std::string&) const override {}
  void load(const data::State&, const std::string&) override {}

 private:
  void add(const Row& row) override {
    const std::size_t at = next_++;
    const std::int64_t predicted = row.predicted();
    if (predicted == kInvalid || predicted == row.label) return;
    const double loss = row.cross_entropy();
    if (std::isnan(loss) || !samples_.wants(loss)) return;
    const Row as_predicted{row.logits, row.classes, predicted};
    samples_.add(loss, {batch_->ids[at], batch_->indices[at], row.label, predicted, loss,
                        std::exp(-as_predicted.cross_entropy())});
  }

  const data::Batch* batch_ = nullptr;
  std::size_t next_ = 0;
  metrics::Worst<HardSample> samples_;
};

HardestSamples::HardestSamples(const data::DataInfo& info, std::size_t most)
    : collector_(std::make_unique<Collector>(info, most)) {}

HardestSamples::~HardestSamples() = default;

void HardestSamples::update(const data::Fields& prediction, const data::Batch& batch) {
  collector_->begin(batch);
  collector_->update(prediction, batch);
}

std::vector<HardSample> HardestSamples::list() const { return collector_->samples(); }

}  // namespace mlrun::classification
