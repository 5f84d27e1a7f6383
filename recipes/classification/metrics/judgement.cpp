#include "recipes/classification/metrics/judgement.h"

#include <cmath>

#include "recipes/classification/metrics/per_sample.h"

namespace mlrun::classification {
namespace {

class Judge final : public PerSample {
 public:
  using PerSample::PerSample;

  std::vector<std::vector<Json>> rows;

  void merge(const Metric&) override {}
  Figures compute() const override { return {}; }
  void save(data::State&, const std::string&) const override {}
  void load(const data::State&, const std::string&) override {}

 private:
  Json name(std::int64_t label) const {
    const auto at = static_cast<std::size_t>(label);
    return at < classes().size() ? classes()[at] : std::to_string(label);
  }

  void add(const Row& row) override {
    const std::int64_t predicted = row.predicted();
    if (predicted == kInvalid) {
      rows.push_back({name(row.label), nullptr, nullptr, nullptr});
      return;
    }
    const double likelihood = -Row{row.logits, row.classes, predicted}.cross_entropy();
    rows.push_back({name(row.label), name(predicted), std::exp(likelihood), row.cross_entropy()});
  }
};

}  // namespace

std::vector<std::string> judged_columns() { return {"true", "predicted", "probability", "loss"}; }

std::vector<std::vector<Json>> judge(const data::DataInfo& info, const data::Fields& prediction,
                                     const data::Batch& batch) {
  Judge judge(info);
  judge.update(prediction, batch);
  return std::move(judge.rows);
}

}  // namespace mlrun::classification
