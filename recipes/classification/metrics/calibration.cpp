#include "recipes/classification/metrics/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <torch/types.h>

#include "base/error.h"
#include "recipes/classification/metrics/per_sample.h"

namespace mlrun::classification {
namespace {

constexpr std::int64_t kBins = 15;
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

struct Bin {
  double samples = 0;  // whole numbers, exact in float64
  double correct = 0;
  double confidence = 0;  // summed
};

/// The bin of 0 < p <= 1, each open at its lower end.
std::size_t bin_of(double p) {
  const auto bin = static_cast<std::int64_t>(std::ceil(p * static_cast<double>(kBins))) - 1;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(bin, 0, kBins - 1));
}

class Calibration final : public PerSample {
 public:
  using PerSample::PerSample;

  void merge(const Metric& other) override {
    const auto* more = dynamic_cast<const Calibration*>(&other);
    MLRUN_ASSERT(more != nullptr, "only metrics of one kind can be merged");
    for (std::size_t i = 0; i < bins_.size(); ++i) {
      bins_[i].samples += more->bins_[i].samples;
      bins_[i].correct += more->bins_[i].correct;
      bins_[i].confidence += more->bins_[i].confidence;
    }
    brier_ += more->brier_;
    samples_ += more->samples_;
  }

  Figures compute() const override {
    const bool known = samples_ > 0 && !std::isnan(brier_);
    double gaps = 0;
    for (const Bin& bin : bins_) gaps += std::abs(bin.correct - bin.confidence);
    return {{"brier", known ? brier_ / samples_ : kUndefined, Better::Lower, 4, ""},
            {"ece", known ? 100 * gaps / samples_ : kUndefined, Better::Lower, 2, "%"}};
  }

  Json details() const override {
    Json list = Json::array();
    for (std::size_t i = 0; i < bins_.size(); ++i) {
      const Bin& bin = bins_[i];
      const auto mean = [&bin](double sum) { return bin.samples > 0 ? Json(100 * sum / bin.samples) : Json(nullptr); };
      list.push_back({{"low", static_cast<double>(i) / kBins},
                      {"high", static_cast<double>(i + 1) / kBins},
                      {"samples", static_cast<std::int64_t>(bin.samples)},
                      {"confidence", mean(bin.confidence)},
                      {"acc1", mean(bin.correct)}});
    }
    return {{"calibration", std::move(list)}};
  }

  std::vector<report::Exhibit> exhibits() const override {
    return {{"calibration", "", report::read_reliability(details().at("calibration"))}};
  }

  void save(data::State& state, const std::string& prefix) const override {
    std::vector<double> values = {brier_, samples_};
    for (const Bin& bin : bins_) values.insert(values.end(), {bin.samples, bin.correct, bin.confidence});
    state.put(prefix + "sums", torch::tensor(values, torch::kFloat64));
  }
  void load(const data::State& state, const std::string& prefix) override {
    const torch::Tensor values = state.tensor(prefix + "sums").to(torch::kCPU).contiguous();
    if (values.scalar_type() != torch::kFloat64 || values.numel() != 2 + 3 * kBins) {
      throw UserError("the saved state '" + prefix + "sums' is of another version",
                      "resume with the version that the run began with");
    }
    const auto* next = values.data_ptr<double>();
    brier_ = *next++;
    samples_ = *next++;
    for (Bin& bin : bins_) {
      bin.samples = *next++;
      bin.correct = *next++;
      bin.confidence = *next++;
    }
  }

 private:
  void add(const Row& row) override {
    ++samples_;
    if (row.invalid()) {
      brier_ = kUndefined;
      return;
    }
    const std::int64_t predicted = row.predicted();
    const double highest = row.logits[predicted];
    double total = 0;
    for (std::int64_t i = 0; i < row.classes; ++i) total += std::exp(row.logits[i] - highest);
    if (!std::isfinite(total)) {
      brier_ = kUndefined;
      return;
    }
    double squares = 0;
    for (std::int64_t i = 0; i < row.classes; ++i) {
      const double gap = std::exp(row.logits[i] - highest) / total - (i == row.label ? 1 : 0);
      squares += gap * gap;
    }
    brier_ += squares;
    Bin& bin = bins_[bin_of(1 / total)];
    ++bin.samples;
    bin.confidence += 1 / total;
    if (predicted == row.label) ++bin.correct;
  }

  std::array<Bin, kBins> bins_{};
  double brier_ = 0;
  double samples_ = 0;
};

}  // namespace

std::unique_ptr<metrics::Metric> make_calibration(const data::DataInfo& info) {
  return std::make_unique<Calibration>(info);
}

}  // namespace mlrun::classification
