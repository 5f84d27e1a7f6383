#include "recipes/segmentation/metrics.h"

#include <cmath>
#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "data/sources/segmentation_folder.h"
#include "recipes/segmentation/samples.h"
#include "report/format.h"

namespace mlrun::segmentation {
namespace {

using metrics::Better;
using metrics::Metric;

double percent(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::numeric_limits<double>::quiet_NaN();
  return 100 * static_cast<double>(part) / static_cast<double>(whole);
}

/// What the counts say of one class.
struct ClassCounts {
  std::int64_t right = 0, truth = 0, found = 0;

  bool occurs() const { return truth + found > 0; }
  double iou() const { return percent(right, truth + found - right); }
  double dice() const { return percent(2 * right, truth + found); }
  double recall() const { return percent(right, truth); }
  double precision() const { return percent(right, found); }
};

std::vector<ClassCounts> by_class(const torch::Tensor& counts) {
  const auto number = counts.accessor<std::int64_t, 2>();
  std::vector<ClassCounts> list(static_cast<std::size_t>(counts.size(0)));
  for (std::int64_t i = 0; i < counts.size(0); ++i) {
    list[static_cast<std::size_t>(i)].right = number[i][i];
    for (std::int64_t k = 0; k < counts.size(1); ++k) {
      list[static_cast<std::size_t>(i)].truth += number[i][k];
      list[static_cast<std::size_t>(k)].found += number[i][k];
    }
  }
  return list;
}

double mean_of(const std::vector<ClassCounts>& classes, double (ClassCounts::*figure)() const) {
  double sum = 0;
  std::int64_t occurring = 0;
  for (const ClassCounts& counts : classes) {
    if (!counts.occurs()) continue;
    sum += (counts.*figure)();
    ++occurring;
  }
  return occurring > 0 ? sum / static_cast<double>(occurring) : percent(0, 0);
}

Json number_or_null(double value) { return std::isnan(value) ? Json() : Json(value); }
std::string number_or_dash(double value) { return std::isnan(value) ? "-" : report::fixed(value, 2); }

class Overlap final : public Metric {
 public:
  explicit Overlap(const data::DataInfo& info)
      : classes_(info.classes), counts_(torch::zeros({size(), size()}, torch::kLong)) {}

  void update(const data::Fields& prediction, const data::Batch& batch) override {
    for_each_sample(prediction, batch, [this](std::int64_t, const torch::Tensor& logits, const torch::Tensor& mask) {
      counts_ += count_pixels(mask, logits.argmax(0), size());
    });
  }
  void merge(const Metric& other) override { counts_ += dynamic_cast<const Overlap&>(other).counts_; }

  metrics::Figures compute() const override {
    const auto classes = by_class(counts_);
    const auto right = counts_.trace().item<std::int64_t>(), all = counts_.sum().item<std::int64_t>();
    return {{"miou", mean_of(classes, &ClassCounts::iou), Better::Higher, 2, "%"},
            {"dice", mean_of(classes, &ClassCounts::dice), Better::Higher, 2, "%"},
            {"pixel_acc", percent(right, all), Better::Higher, 2, "%"}};
  }

  Json details() const override {
    const auto classes = by_class(counts_);
    Json list = Json::array();
    for (std::size_t i = 0; i < classes.size(); ++i) {
      list.push_back({{"class", classes_[i]},
                      {"pixels", classes[i].truth},
                      {"iou", number_or_null(classes[i].iou())},
                      {"dice", number_or_null(classes[i].dice())},
                      {"recall", number_or_null(classes[i].recall())},
                      {"precision", number_or_null(classes[i].precision())}});
    }
    return {{"per_class", std::move(list)},
            {"absent", absent()},
            {"confusion", {{"classes", classes_}, {"matrix", confusion().counts}}}};
  }

  std::vector<report::Exhibit> exhibits() const override {
    const auto classes = by_class(counts_);
    report::Table table({{"class", report::Align::Left}, {"pixels"}, {"IoU"}, {"Dice"}, {"recall"}, {"precision"}});
    for (std::size_t i = 0; i < classes.size(); ++i) {
      table.add({classes_[i], std::to_string(classes[i].truth), number_or_dash(classes[i].iou()),
                 number_or_dash(classes[i].dice()), number_or_dash(classes[i].recall()),
                 number_or_dash(classes[i].precision())});
    }
    std::vector<report::Exhibit> list = {{"per_class", "", table}, {"confusion", "", confusion()}};
    std::string names;
    for (const auto& name : absent()) names += (names.empty() ? "" : ", ") + name;
    if (!names.empty()) list.push_back({"absent", "", report::Remark{"miou", "absent, and in no mean: " + names}});
    return list;
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

  /// Classes that neither masks nor predictions have.
  std::vector<std::string> absent() const {
    const auto classes = by_class(counts_);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (!classes[i].occurs()) names.push_back(classes_[i]);
    }
    return names;
  }

  report::Confusion confusion() const {
    report::Confusion confusion{classes_, {}, "pixels"};
    const auto* number = counts_.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < size(); ++i)
      confusion.counts.emplace_back(number + i * size(), number + (i + 1) * size());
    return confusion;
  }

  std::vector<std::string> classes_;
  torch::Tensor counts_;  ///< int64 [true, predicted]
};

/// Of the valid pixels of one image.
double summed_loss(const torch::Tensor& logits, const torch::Tensor& mask) {
  return at::cross_entropy_loss(logits.unsqueeze(0).to(torch::kDouble), mask.unsqueeze(0), {}, at::Reduction::Sum,
                                data::kIgnored)
      .item<double>();
}

class MeanLoss final : public Metric {
 public:
  void update(const data::Fields& prediction, const data::Batch& batch) override {
    for_each_sample(prediction, batch, [this](std::int64_t, const torch::Tensor& logits, const torch::Tensor& mask) {
      sums_ += torch::tensor({summed_loss(logits, mask), mask.ne(data::kIgnored).sum().item<double>()}, torch::kDouble);
    });
  }
  void merge(const Metric& other) override { sums_ += dynamic_cast<const MeanLoss&>(other).sums_; }
  metrics::Figures compute() const override {
    return {{"loss", sums_[0].item<double>() / sums_[1].item<double>(), Better::Lower, 4, ""}};  // NaN of nothing
  }
  void save(data::State& state, const std::string& prefix) const override { state.put(prefix + "sums", sums_); }
  void load(const data::State& state, const std::string& prefix) override { sums_ = state.tensor(prefix + "sums"); }

 private:
  torch::Tensor sums_ = torch::zeros(2, torch::kDouble);  // of losses, of pixels
};

}  // namespace

torch::Tensor count_pixels(const torch::Tensor& truth, const torch::Tensor& found, std::int64_t classes) {
  const torch::Tensor valid = truth.ne(data::kIgnored);
  const torch::Tensor pairs = truth.masked_select(valid) * classes + found.masked_select(valid);
  return torch::bincount(pairs, {}, classes * classes).view({classes, classes});
}

double mean_iou(const torch::Tensor& counts) { return mean_of(by_class(counts), &ClassCounts::iou); }

std::vector<std::string> judged_columns() { return {"pixels", "wrong", "miou", "loss"}; }

std::vector<std::vector<Json>> judge(std::int64_t classes, const data::Fields& prediction, const data::Batch& batch) {
  std::vector<std::vector<Json>> rows;
  for_each_sample(prediction, batch, [&](std::int64_t, const torch::Tensor& logits, const torch::Tensor& mask) {
    const torch::Tensor counts = count_pixels(mask, logits.argmax(0), classes);
    const auto pixels = counts.sum().item<std::int64_t>();
    const double loss = pixels > 0 ? summed_loss(logits, mask) / static_cast<double>(pixels) : std::nan("");
    rows.push_back(
        {pixels, pixels - counts.trace().item<std::int64_t>(), number_or_null(mean_iou(counts)), number_or_null(loss)});
  });
  return rows;
}

std::unique_ptr<Metric> make_overlap(const data::DataInfo& info) { return std::make_unique<Overlap>(info); }
std::unique_ptr<Metric> make_loss() { return std::make_unique<MeanLoss>(); }

}  // namespace mlrun::segmentation
