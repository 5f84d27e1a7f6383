#include "recipes/classification/metrics/accuracy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/types.h>

#include "base/error.h"
#include "recipes/classification/metrics/per_sample.h"
#include "report/format.h"

namespace mlrun::classification {
namespace {

using Counts = std::vector<std::int64_t>;

constexpr std::int64_t kTop = 5;

/// NaN of nothing, and where some of the whole is `unknown`.
double percent(std::int64_t part, std::int64_t whole, std::int64_t unknown = 0) {
  if (whole == 0 || unknown > 0) return std::numeric_limits<double>::quiet_NaN();
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

/// The other instance as the same kind of metric.
template <class T>
const T& same_kind(const Metric& other) {
  const auto* same = dynamic_cast<const T*>(&other);
  MLRUN_ASSERT(same != nullptr, "only metrics of one kind can be merged");
  return *same;
}

void add_counts(Counts& counts, const Counts& more) {
  MLRUN_ASSERT(counts.size() == more.size(), "only metrics over the same classes can be merged");
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += more[i];
}

void save_counts(data::State& state, const std::string& name, const Counts& counts) {
  state.put(name, torch::tensor(counts, torch::kInt64));
}

void load_counts(const data::State& state, const std::string& name, Counts& counts) {
  const torch::Tensor saved = state.tensor(name).to(torch::kCPU).contiguous();
  if (saved.scalar_type() != torch::kInt64 || saved.numel() != static_cast<std::int64_t>(counts.size())) {
    throw UserError("the saved state '" + name + "' is of other classes or of another version",
                    "resume with the data and version that the run began with");
  }
  counts.assign(saved.data_ptr<std::int64_t>(), saved.data_ptr<std::int64_t>() + saved.numel());
}

class Accuracy final : public PerSample {
 public:
  explicit Accuracy(const data::DataInfo& info) : PerSample(info) {
    counts_[kWidth] = static_cast<std::int64_t>(info.classes.size());
  }

  void merge(const Metric& other) override {
    const Counts& more = same_kind<Accuracy>(other).counts_;
    const std::int64_t width = std::max(counts_[kWidth], more[kWidth]);
    add_counts(counts_, more);
    counts_[kWidth] = width;
  }

  Figures compute() const override {
    const auto share = [this](Count part) { return percent(counts_[part], counts_[kTotal], counts_[kUnknown]); };
    Figures figures = {{"acc1", share(kCorrect), Better::Higher, 2, "%"}};
    if (counts_[kWidth] >= kTop) figures.push_back({"acc5", share(kCorrectTop), Better::Higher, 2, "%"});
    return figures;
  }

  Json details() const override {
    const Interval interval = wilson_interval(counts_[kCorrect], counts_[kTotal]);
    Json details;
    if (counts_[kUnknown] == 0) details["acc1_interval95"] = {interval.low, interval.high};
    details["correct"] = counts_[kCorrect];
    details["total"] = counts_[kTotal];
    details["invalid"] = counts_[kUnknown];
    return {{"accuracy", std::move(details)}};
  }

  std::vector<report::Exhibit> exhibits() const override {
    if (counts_[kUnknown] > 0) return {};
    const Interval interval = wilson_interval(counts_[kCorrect], counts_[kTotal]);
    const std::string text =
        "95 % interval " + report::fixed(interval.low, 2) + " to " + report::fixed(interval.high, 2);
    return {{"accuracy", "", report::Remark{"acc1", text}}};
  }

  void save(data::State& state, const std::string& prefix) const override {
    save_counts(state, prefix + "counts", counts_);
  }
  void load(const data::State& state, const std::string& prefix) override {
    load_counts(state, prefix + "counts", counts_);
  }

 private:
  enum Count { kTotal, kCorrect, kCorrectTop, kWidth, kUnknown, kCounts };

  void add(const Row& row) override {
    const std::int64_t rank = row.rank();
    counts_[kWidth] = row.classes;
    ++counts_[kTotal];
    if (rank == kInvalid) ++counts_[kUnknown];
    if (rank == 0) ++counts_[kCorrect];
    if (rank != kInvalid && rank < kTop) ++counts_[kCorrectTop];
  }

  Counts counts_ = Counts(kCounts, 0);
};

class MeanLoss final : public PerSample {
 public:
  using PerSample::PerSample;

  void merge(const Metric& other) override {
    const auto& more = same_kind<MeanLoss>(other);
    sum_ += more.sum_;
    add_counts(count_, more.count_);
  }

  Figures compute() const override {
    const bool none = count_[0] == 0;
    const double mean = none ? std::numeric_limits<double>::quiet_NaN() : sum_ / static_cast<double>(count_[0]);
    return {{"loss", mean, Better::Lower, 4, ""}};
  }

  // The sum is kept as a tensor: JSON has neither NaN nor infinity.
  void save(data::State& state, const std::string& prefix) const override {
    state.put(prefix + "sum", torch::tensor(sum_, torch::kFloat64));
    save_counts(state, prefix + "count", count_);
  }
  void load(const data::State& state, const std::string& prefix) override {
    load_counts(state, prefix + "count", count_);
    sum_ = state.tensor(prefix + "sum").item<double>();
  }

 private:
  void add(const Row& row) override {
    sum_ += row.cross_entropy();
    ++count_[0];
  }

  double sum_ = 0;
  Counts count_ = Counts(1, 0);
};

class PerClass final : public PerSample {
 public:
  explicit PerClass(const data::DataInfo& info)
      : PerSample(info),
        total_(info.classes.size(), 0),
        correct_(info.classes.size(), 0),
        unknown_(info.classes.size(), 0) {
    MLRUN_ASSERT(!info.classes.empty(), "per_class needs the names of the classes");
  }

  void merge(const Metric& other) override {
    const auto& more = same_kind<PerClass>(other);
    add_counts(total_, more.total_);
    add_counts(correct_, more.correct_);
    add_counts(unknown_, more.unknown_);
  }

  Figures compute() const override { return {}; }

  Json details() const override {
    Json list = Json::array();
    for (std::size_t i = 0; i < total_.size(); ++i) {
      const double acc1 = percent(correct_[i], total_[i], unknown_[i]);
      list.push_back({{"class", classes()[i]},
                      {"total", total_[i]},
                      {"correct", correct_[i]},
                      {"acc1", std::isnan(acc1) ? Json() : Json(acc1)}});
    }
    return {{"per_class", std::move(list)}};
  }

  std::vector<report::Exhibit> exhibits() const override {
    report::Table table({{"class", report::Align::Left}, {"samples"}, {"correct"}, {"acc1"}});
    for (std::size_t i = 0; i < total_.size(); ++i) {
      const double acc1 = percent(correct_[i], total_[i], unknown_[i]);
      table.add({classes()[i], std::to_string(total_[i]), std::to_string(correct_[i]),
                 std::isnan(acc1) ? "-" : report::fixed(acc1, 2)});
    }
    return {{"per_class", "", table}};
  }

  void save(data::State& state, const std::string& prefix) const override {
    save_counts(state, prefix + "total", total_);
    save_counts(state, prefix + "correct", correct_);
    save_counts(state, prefix + "unknown", unknown_);
  }
  void load(const data::State& state, const std::string& prefix) override {
    load_counts(state, prefix + "total", total_);
    load_counts(state, prefix + "correct", correct_);
    load_counts(state, prefix + "unknown", unknown_);
  }

 private:
  void add(const Row& row) override {
    const auto label = static_cast<std::size_t>(row.label);
    const std::int64_t rank = row.rank();
    ++total_[label];
    if (rank == 0) ++correct_[label];
    if (rank == kInvalid) ++unknown_[label];
  }

  Counts total_, correct_, unknown_;
};

class Confusion final : public PerSample {
 public:
  explicit Confusion(const data::DataInfo& info)
      : PerSample(info), matrix_(info.classes.size() * info.classes.size(), 0) {
    MLRUN_ASSERT(!info.classes.empty(), "confusion needs the names of the classes");
  }

  void merge(const Metric& other) override {
    const auto& more = same_kind<Confusion>(other);
    add_counts(matrix_, more.matrix_);
    add_counts(invalid_, more.invalid_);
  }

  Figures compute() const override { return {}; }

  Json details() const override {
    const auto n = static_cast<std::ptrdiff_t>(classes().size());
    Json rows = Json::array();
    for (std::ptrdiff_t i = 0; i < n; ++i)
      rows.push_back(Counts(matrix_.begin() + i * n, matrix_.begin() + (i + 1) * n));
    Json details;
    details["classes"] = classes();
    details["matrix"] = std::move(rows);
    details["invalid"] = invalid_[0];
    return {{"confusion", std::move(details)}};
  }

  std::vector<report::Exhibit> exhibits() const override {
    report::Confusion confusion{classes(), {}};
    const auto n = static_cast<std::ptrdiff_t>(classes().size());
    for (std::ptrdiff_t i = 0; i < n; ++i)
      confusion.counts.emplace_back(matrix_.begin() + i * n, matrix_.begin() + (i + 1) * n);
    return {{"confusion", "", std::move(confusion)}};
  }

  void save(data::State& state, const std::string& prefix) const override {
    save_counts(state, prefix + "matrix", matrix_);
    save_counts(state, prefix + "invalid", invalid_);
  }
  void load(const data::State& state, const std::string& prefix) override {
    load_counts(state, prefix + "matrix", matrix_);
    load_counts(state, prefix + "invalid", invalid_);
  }

 private:
  void add(const Row& row) override {
    const std::int64_t predicted = row.predicted();
    if (predicted == kInvalid) ++invalid_[0];
    else ++matrix_[static_cast<std::size_t>(row.label * row.classes + predicted)];
  }

  Counts matrix_;
  Counts invalid_ = Counts(1, 0);
};

}  // namespace

Interval wilson_interval(std::int64_t correct, std::int64_t total) {
  if (total == 0) return {};
  constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  const auto n = static_cast<double>(total);
  const double p = static_cast<double>(correct) / n;
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {correct == 0 ? 0.0 : 100 * (centre - half), correct == total ? 100.0 : 100 * (centre + half)};
}

std::unique_ptr<metrics::Metric> make_accuracy(const data::DataInfo& info) { return std::make_unique<Accuracy>(info); }

std::unique_ptr<metrics::Metric> make_loss(const data::DataInfo& info) { return std::make_unique<MeanLoss>(info); }

std::unique_ptr<metrics::Metric> make_per_class(const data::DataInfo& info) { return std::make_unique<PerClass>(info); }

std::unique_ptr<metrics::Metric> make_confusion(const data::DataInfo& info) {
  return std::make_unique<Confusion>(info);
}

}  // namespace mlrun::classification
