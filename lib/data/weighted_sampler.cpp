#include "data/weighted_sampler.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "data/sources/csv.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestWeightFile = std::uintmax_t{1} << 30;

[[noreturn]] void fail_sampler(const std::string& key, const std::string& what, const std::string& remedy) {
  throw UserError(Problem{"", 0, 0, "data.sampler." + key, what, remedy});
}

/// Draws samples with a chance in proportion to their weights.
class WeightedDraws : public Sampler {
 public:
  WeightedDraws(const std::vector<double>& weights, std::optional<std::int64_t> samples)
      : size_(samples.value_or(static_cast<std::int64_t>(weights.size()))) {
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      sum += weights[i];
      indices_.push_back(static_cast<std::int64_t>(i));
      ends_.push_back(sum);
    }
  }

  std::int64_t size() const override { return size_; }

  std::vector<std::int64_t> order(std::uint64_t seed, std::int64_t epoch) const override {
    KeyedRandom random(seed, "weighted", static_cast<std::uint64_t>(epoch));
    std::vector<std::int64_t> drawn(static_cast<std::size_t>(size_));
    for (auto& index : drawn) {
      const double at = random.uniform() * ends_.back();
      const auto found = std::upper_bound(ends_.begin(), ends_.end(), at);
      const auto place = std::min<std::ptrdiff_t>(found - ends_.begin(), std::ssize(ends_) - 1);
      index = indices_[static_cast<std::size_t>(place)];
    }
    return drawn;
  }

 private:
  std::int64_t size_;
  std::vector<std::int64_t> indices_;  // of samples with a weight
  std::vector<double> ends_;           // their weights' running sum
};

std::optional<double> weight_of(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool whole = !text.empty() && end == text.c_str() + text.size();
  return whole && std::isfinite(value) && value >= 0 ? std::optional<double>(value) : std::nullopt;
}

void check_count(const std::vector<double>& weights, const std::vector<std::string>& classes) {
  if (weights.size() == classes.size()) return;
  constexpr std::size_t kShown = 5;
  std::string names;
  for (std::size_t i = 0; i < classes.size() && i < kShown; ++i) names += (i == 0 ? "" : ", ") + classes[i];
  if (classes.size() > kShown) names += ", ...";
  fail_sampler("weights",
               "has " + std::to_string(weights.size()) + " numbers where the data set has " +
                   std::to_string(classes.size()) + " classes",
               "give one for each, in this order: " + names);
}

/// What a file with the columns path and weight says of each sample.
std::map<std::string, double> read_weights(const fs::path& file) {
  const std::string text = read_file(file, kLargestWeightFile);
  CsvReader reader(text, file.string());
  std::vector<std::string> cells;
  const bool header = reader.next(cells);
  const auto column = [&](const char* name) {
    const auto found = std::find(cells.begin(), cells.end(), name);
    if (header && found != cells.end()) return static_cast<std::size_t>(found - cells.begin());
    throw file_error(file.string(), std::string("has no column '") + name + "'", "begin the file with: path,weight");
  };
  const std::size_t path = column("path"), weight = column("weight"), columns = cells.size();
  std::map<std::string, double> weights;
  while (reader.next(cells)) {
    const std::string place = file.string() + ":" + std::to_string(reader.line());
    if (cells.size() != columns) {
      throw file_error(place, std::to_string(cells.size()) + " cells where the header has " + std::to_string(columns),
                       "quote cells that hold commas");
    }
    const auto value = weight_of(cells[weight]);
    if (!value) throw file_error(place, "'" + cells[weight] + "' is no weight", "give a number, 0 or above");
    if (!weights.emplace(cells[path], *value).second) {
      throw file_error(place, "'" + cells[path] + "' stands in the file twice", "keep one of the rows");
    }
  }
  return weights;
}

std::vector<double> file_weights(const fs::path& file, const Source& source) {
  const auto known = read_weights(file);
  std::vector<double> weights;
  for (std::int64_t i = 0; i < source.size(); ++i) {
    const std::string id = source.facts(i).id;
    const auto found = known.find(id);
    if (found == known.end()) {
      throw file_error(file.string(), "has no weight for the training sample '" + id + "'",
                       "give one for each, named by its path below data.root");
    }
    weights.push_back(found->second);
  }
  return weights;
}

/// The label of each sample; UserError where some have none, or several.
std::vector<std::int64_t> labels_of(const Source& source) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < source.size(); ++i) {
    const SampleFacts facts = source.facts(i);
    if (!facts.label()) {
      fail_sampler(
          "name", "the training sample '" + facts.id + "' has not one class but " + std::to_string(facts.labels.size()),
          "draw by a file of weights, or take another sampler");
    }
    labels.push_back(*facts.label());
  }
  return labels;
}

constexpr const char* kSamplesHelp = "draws that make an epoch; null: as many as there are training samples";

}  // namespace

void WeightedOptions::declare(config::Declare<WeightedOptions>& d) {
  d("weights", &WeightedOptions::weights,
    "a weight for each class, in their order (`mlrun data info` shows it): how likely one of its samples is drawn")
      .min(0);
  d("file", &WeightedOptions::file,
    "a CSV file with the columns path and weight: one for each training sample, named by its path below data.root, or "
    "by its number where the samples have no files of their own");
  d("samples", &WeightedOptions::samples, kSamplesHelp).min(1);
  d.rule("weights", [](const WeightedOptions& o) -> std::string {
    if (o.weights.empty() && !o.file) return "weighted needs weights, or a file of them";
    return !o.weights.empty() && o.file ? "weights and file exclude each other; keep one" : "";
  });
}

void ClassBalancedOptions::declare(config::Declare<ClassBalancedOptions>& d) {
  d("samples", &ClassBalancedOptions::samples, kSamplesHelp).min(1);
}

std::unique_ptr<Sampler> make_weighted(const WeightedOptions& options, const SamplerRequest& request) {
  std::vector<double> weights;
  if (options.file) {
    weights = file_weights(*options.file, *request.source);
  } else {
    check_count(options.weights, request.classes);
    for (const auto label : labels_of(*request.source)) {
      weights.push_back(options.weights.at(static_cast<std::size_t>(label)));
    }
  }
  if (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0; })) {
    fail_sampler(options.file ? "file" : "weights", "every training sample has weight 0", "give some a weight above 0");
  }
  return std::make_unique<WeightedDraws>(weights, options.samples);
}

std::unique_ptr<Sampler> make_class_balanced(const ClassBalancedOptions& options, const SamplerRequest& request) {
  const auto labels = labels_of(*request.source);
  std::map<std::int64_t, double> sizes;
  for (const auto label : labels) ++sizes[label];
  std::vector<double> weights;
  for (const auto label : labels) weights.push_back(1 / sizes.at(label));
  return std::make_unique<WeightedDraws>(weights, options.samples);
}

}  // namespace mlrun::data
