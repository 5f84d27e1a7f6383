#include "recipes/classification/metrics/precision.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/types.h>

#include "base/error.h"
#include "config/words.h"
#include "recipes/classification/metrics/per_sample.h"
#include "report/format.h"

namespace mlrun::classification {
namespace {

constexpr double kNoShare = std::numeric_limits<double>::quiet_NaN();

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? kNoShare : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

/// The means with `weight(scores)` for each class; undefined shares count as 0, and NaN is the mean of nothing.
template <class Weight>
ClassMeans mean_of(const std::vector<ClassQuality>& scores, const Weight& weight) {
  const auto defined = [](double value) { return std::isnan(value) ? 0.0 : value; };
  ClassMeans sum;
  double total = 0;
  for (const ClassQuality& one : scores) {
    const double counts = weight(one);
    sum.precision += counts * defined(one.precision);
    sum.recall += counts * defined(one.recall);
    sum.f1 += counts * defined(one.f1);
    total += counts;
  }
  if (total == 0) return {kNoShare, kNoShare, kNoShare};
  return {sum.precision / total, sum.recall / total, sum.f1 / total};
}

/// K of `accK`; 0 for other names.
std::int64_t top_of(const std::string& name) {
  const std::string digits = name.rfind("acc", 0) == 0 ? name.substr(3) : "";
  const bool number = !digits.empty() && digits.size() <= 7 && digits[0] != '0' &&
                      digits.find_first_not_of("0123456789") == std::string::npos;
  return number ? std::stoll(digits) : 0;
}

struct Named {
  const char* name;
  double (*value)(const std::vector<ClassQuality>&);
};

constexpr Named kMeans[] = {
    {"precision_macro", [](const std::vector<ClassQuality>& s) { return macro_mean(s).precision; }},
    {"recall_macro", [](const std::vector<ClassQuality>& s) { return macro_mean(s).recall; }},
    {"f1_macro", [](const std::vector<ClassQuality>& s) { return macro_mean(s).f1; }},
    {"precision_weighted", [](const std::vector<ClassQuality>& s) { return weighted_mean(s).precision; }},
    {"recall_weighted", [](const std::vector<ClassQuality>& s) { return weighted_mean(s).recall; }},
    {"f1_weighted", [](const std::vector<ClassQuality>& s) { return weighted_mean(s).f1; }},
    {"balanced_acc", [](const std::vector<ClassQuality>& s) { return balanced_accuracy(s); }},
};

const Named* mean_named(const std::string& name) {
  const auto* found =
      std::find_if(std::begin(kMeans), std::end(kMeans), [&](const Named& n) { return n.name == name; });
  return found == std::end(kMeans) ? nullptr : found;
}

Json to_json(const ClassMeans& means) {
  return {{"precision", means.precision}, {"recall", means.recall}, {"f1", means.f1}};
}

std::string cell(double value) { return std::isnan(value) ? "-" : report::fixed(value, 2); }

class Precision final : public PerSample {
 public:
  Precision(const data::DataInfo& info, std::vector<std::string> figures)
      : PerSample(info), figures_(std::move(figures)) {
    MLRUN_ASSERT(!info.classes.empty(), "precision needs the names of the classes");
    const auto n = static_cast<std::int64_t>(info.classes.size());
    counts_ = torch::zeros({kCounts, n}, torch::kLong);
    ranks_ = torch::zeros({n + 1}, torch::kLong);
  }

  void merge(const Metric& other) override {
    const auto* more = dynamic_cast<const Precision*>(&other);
    MLRUN_ASSERT(more != nullptr && more->counts_.sizes() == counts_.sizes(),
                 "only metrics of one kind and over the same classes can be merged");
    counts_ += more->counts_;
    ranks_ += more->ranks_;
  }

  Figures compute() const override {
    const auto scores = all();
    Figures list;
    for (const auto& name : figures_) {
      const Named* mean = mean_named(name);
      list.push_back({name, mean != nullptr ? mean->value(scores) : top(top_of(name)), Better::Higher, 2, "%"});
      if (unknown() > 0) list.back().value = kNoShare;
    }
    return list;
  }

  Json details() const override {
    const auto scores = all();
    Json list = Json::array();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const auto number = [](double value) { return std::isnan(value) ? Json() : Json(value); };
      list.push_back({{"class", classes()[i]},
                      {"samples", scores[i].samples},
                      {"precision", number(scores[i].precision)},
                      {"recall", number(scores[i].recall)},
                      {"f1", number(scores[i].f1)}});
    }
    return {{"precision",
             {{"classes", std::move(list)},
              {"macro", to_json(macro_mean(scores))},
              {"weighted", to_json(weighted_mean(scores))},
              {"balanced_acc", balanced_accuracy(scores)}}}};
  }

  std::vector<report::Exhibit> exhibits() const override {
    report::Table table({{"class", report::Align::Left}, {"samples"}, {"precision"}, {"recall"}, {"F1"}});
    const auto scores = all();
    std::int64_t samples = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      table.add({classes()[i], std::to_string(scores[i].samples), cell(scores[i].precision), cell(scores[i].recall),
                 cell(scores[i].f1)});
      samples += scores[i].samples;
    }
    const auto add = [&](const char* name, const ClassMeans& means) {
      table.add({name, std::to_string(samples), cell(means.precision), cell(means.recall), cell(means.f1)});
    };
    add("macro mean", macro_mean(scores));
    add("weighted mean", weighted_mean(scores));
    table.add({"balanced accuracy", std::to_string(samples), "", cell(balanced_accuracy(scores)), ""});
    return {{"precision", "", table}};
  }

  void save(data::State& state, const std::string& prefix) const override {
    state.put(prefix + "counts", counts_);
    state.put(prefix + "ranks", ranks_);
  }
  void load(const data::State& state, const std::string& prefix) override {
    take(state, prefix + "counts", counts_);
    take(state, prefix + "ranks", ranks_);
  }

 private:
  static void take(const data::State& state, const std::string& name, torch::Tensor& counts) {
    const torch::Tensor saved = state.tensor(name);
    if (saved.sizes() != counts.sizes() || saved.scalar_type() != torch::kLong) {
      throw UserError("the saved state '" + name + "' is of other classes or of another version",
                      "resume with the data and version that the run began with");
    }
    counts.copy_(saved);
  }

  enum Count { kSamples, kTaken, kRight, kCounts };

  void add(const Row& row) override {
    const std::int64_t rank = row.rank();
    ++ranks_.data_ptr<std::int64_t>()[rank == kInvalid ? row.classes : rank];
    if (rank == kInvalid) return;
    auto* count = counts_.data_ptr<std::int64_t>();
    ++count[kSamples * row.classes + row.label];
    ++count[kTaken * row.classes + row.predicted()];
    if (rank == 0) ++count[kRight * row.classes + row.label];
  }

  std::int64_t unknown() const { return ranks_[-1].item<std::int64_t>(); }

  double top(std::int64_t k) const {
    return share(ranks_.slice(0, 0, std::min(k, ranks_.size(0) - 1)).sum().item<std::int64_t>(),
                 ranks_.sum().item<std::int64_t>());
  }

  std::vector<ClassQuality> all() const {
    const auto count = counts_.accessor<std::int64_t, 2>();
    std::vector<ClassQuality> list;
    for (std::int64_t i = 0; i < counts_.size(1); ++i) {
      list.push_back(class_quality(count[kSamples][i], count[kTaken][i], count[kRight][i]));
    }
    return list;
  }

  std::vector<std::string> figures_;
  torch::Tensor counts_;  ///< int64 [kCounts, classes]
  torch::Tensor ranks_;   ///< int64: samples by how many classes came before the true one, and last the unknown ones
};

}  // namespace

ClassQuality class_quality(std::int64_t samples, std::int64_t taken, std::int64_t right) {
  return {samples, share(right, taken), share(right, samples), share(2 * right, taken + samples)};
}

ClassMeans macro_mean(const std::vector<ClassQuality>& scores) {
  return mean_of(scores, [](const ClassQuality& s) { return std::isnan(s.f1) ? 0.0 : 1.0; });
}

ClassMeans weighted_mean(const std::vector<ClassQuality>& scores) {
  return mean_of(scores, [](const ClassQuality& s) { return static_cast<double>(s.samples); });
}

double balanced_accuracy(const std::vector<ClassQuality>& scores) {
  return mean_of(scores, [](const ClassQuality& s) { return s.samples > 0 ? 1.0 : 0.0; }).recall;
}

std::string figures_fault(const std::vector<std::string>& figures, std::int64_t classes) {
  for (const auto& name : figures) {
    const std::int64_t k = top_of(name);
    if (k > 0 && classes > 0 && k > classes)
      return "'" + name + "' looks at more answers than there are classes, " + std::to_string(classes);
    if (k > 0 || mean_named(name) != nullptr) continue;
    std::vector<std::string> known;
    for (const Named& mean : kMeans) known.emplace_back(mean.name);
    known.emplace_back("accK, as acc3");
    return "'" + name + "' is no figure of a classifier; choose " + config::any_of(known);
  }
  return "";
}

std::unique_ptr<metrics::Metric> make_precision(const data::DataInfo& info, const std::vector<std::string>& figures) {
  return std::make_unique<Precision>(info, figures);
}

}  // namespace mlrun::classification
