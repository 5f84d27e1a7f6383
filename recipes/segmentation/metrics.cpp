#include "recipes/segmentation/metrics.h"

#include <cmath>
#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "data/sources/segmentation_folder.h"
#include "report/format.h"

namespace mlrun::segmentation {
namespace {

using metrics::Better;
using metrics::Metric;

double percent(double part, double whole) {
  return whole > 0 ? 100 * part / whole : std::numeric_limits<double>::quiet_NaN();
}

/// Calls `take` with the logits [C, H, W] and the mask, int64 [H, W], of each sample.
template <class Take>
void for_each_sample(const data::Fields& prediction, const data::Batch& batch, const Take& take) {
  const auto row = [](const data::Value& value, std::int64_t i) {
    if (const auto* tensor = std::get_if<torch::Tensor>(&value)) return (*tensor)[i];
    return std::get<std::vector<torch::Tensor>>(value).at(static_cast<std::size_t>(i));
  };
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const torch::Tensor mask = row(batch.targets.at("mask"), i).to(torch::kCPU, torch::kLong);
    take(row(prediction.at("logits"), i), mask);
  }
}

class Overlap final : public Metric {
 public:
  explicit Overlap(const data::DataInfo& info)
      : classes_(info.classes), counts_(torch::zeros({size(), size()}, torch::kLong)) {}

  void update(const data::Fields& prediction, const data::Batch& batch) override {
    for_each_sample(prediction, batch, [this](const torch::Tensor& logits, const torch::Tensor& mask) {
      const torch::Tensor valid = mask.ne(data::kIgnored);
      const torch::Tensor truth = mask.masked_select(valid), found = logits.argmax(0).masked_select(valid);
      counts_ += torch::bincount(truth * size() + found, {}, size() * size()).view({size(), size()});
    });
  }
  void merge(const Metric& other) override { counts_ += dynamic_cast<const Overlap&>(other).counts_; }

  metrics::Figures compute() const override {
    double sum = 0;
    std::int64_t occurring = 0;
    for (std::int64_t i = 0; i < size(); ++i) {
      if (united(i) == 0) continue;
      sum += percent(right(i), united(i));
      ++occurring;
    }
    const double all = counts_.sum().item<double>();
    return {{"miou", occurring > 0 ? sum / static_cast<double>(occurring) : percent(0, 0), Better::Higher, 2, "%"},
            {"pixel_acc", percent(counts_.trace().item<double>(), all), Better::Higher, 2, "%"}};
  }

  Json details() const override {
    Json list = Json::array();
    for (std::int64_t i = 0; i < size(); ++i) {
      const double iou = percent(right(i), united(i));
      list.push_back({{"class", classes_[static_cast<std::size_t>(i)]},
                      {"pixels", static_cast<std::int64_t>(true_pixels(i))},
                      {"iou", std::isnan(iou) ? Json() : Json(iou)}});
    }
    return {{"per_class", std::move(list)}};
  }

  std::vector<report::Exhibit> exhibits() const override {
    report::Table table({{"class", report::Align::Left}, {"pixels"}, {"IoU"}, {"Dice"}, {"recall"}, {"precision"}});
    const auto shown = [](double value) { return std::isnan(value) ? "-" : report::fixed(value, 2); };
    for (std::int64_t i = 0; i < size(); ++i) {
      const double truth = true_pixels(i), found = found_pixels(i);
      table.add({classes_[static_cast<std::size_t>(i)], std::to_string(static_cast<std::int64_t>(truth)),
                 shown(percent(right(i), united(i))), shown(percent(2 * right(i), truth + found)),
                 shown(percent(right(i), truth)), shown(percent(right(i), found))});
    }
    return {{"per_class", "", table}};
  }

  void save(data::State& state, const std::string& prefix) const override { state.put(prefix + "counts", counts_); }
  void load(const data::State& state, const std::string& prefix) override {
    const torch::Tensor saved = state.tensor(prefix + "counts");
    if (saved.sizes() != counts_.sizes() || saved.scalar_type() != torch::kLong) {
      throw UserError("the saved state '" + prefix + "counts' is of other classes", "resume with the data of the run");
    }
    counts_.copy_(saved);
  }

 private:
  std::int64_t size() const { return static_cast<std::int64_t>(classes_.size()); }
  double right(std::int64_t i) const { return counts_[i][i].item<double>(); }
  double true_pixels(std::int64_t i) const { return counts_[i].sum().item<double>(); }
  double found_pixels(std::int64_t i) const { return counts_.select(1, i).sum().item<double>(); }
  double united(std::int64_t i) const { return true_pixels(i) + found_pixels(i) - right(i); }

  std::vector<std::string> classes_;
  torch::Tensor counts_;  ///< int64 [true, predicted]
};

class MeanLoss final : public Metric {
 public:
  void update(const data::Fields& prediction, const data::Batch& batch) override {
    for_each_sample(prediction, batch, [this](const torch::Tensor& logits, const torch::Tensor& mask) {
      const auto sum = at::cross_entropy_loss(logits.unsqueeze(0).to(torch::kDouble), mask.unsqueeze(0), {},
                                              at::Reduction::Sum, data::kIgnored);
      sums_ += torch::tensor({sum.item<double>(), mask.ne(data::kIgnored).sum().item<double>()}, torch::kDouble);
    });
  }
  void merge(const Metric& other) override { sums_ += dynamic_cast<const MeanLoss&>(other).sums_; }
  metrics::Figures compute() const override {
    return {{"loss", percent(sums_[0].item<double>(), sums_[1].item<double>()) / 100, Better::Lower, 4, ""}};
  }
  void save(data::State& state, const std::string& prefix) const override { state.put(prefix + "sums", sums_); }
  void load(const data::State& state, const std::string& prefix) override { sums_ = state.tensor(prefix + "sums"); }

 private:
  torch::Tensor sums_ = torch::zeros(2, torch::kDouble);  // of losses, of pixels
};

}  // namespace

std::unique_ptr<Metric> make_overlap(const data::DataInfo& info) { return std::make_unique<Overlap>(info); }
std::unique_ptr<Metric> make_loss() { return std::make_unique<MeanLoss>(); }

}  // namespace mlrun::segmentation
