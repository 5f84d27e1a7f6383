#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/evaluator.h"
#include "report/exhibit.h"

namespace mlrun::engine {

/// What a run's page shows of its task beside figures, curves and settings. Gathered over one evaluation.
class Exhibition {
 public:
  virtual ~Exhibition() = default;

  /// Each batch of the evaluation, with what was predicted.
  virtual void see(const data::Batch& batch, const data::Fields& prediction) = 0;
  /// Once all were seen: what the evaluation of `source` has shown.
  virtual std::vector<report::Section> of_evaluation(const Evaluation& evaluation, const data::Source& source) = 0;
  /// What is said of a sample beside its name; empty: nothing.
  virtual std::string caption(const data::SampleFacts& facts) const = 0;
  /// What the data are, beside their name and fingerprint: names and values.
  virtual std::vector<std::pair<std::string, std::string>> data_facts() const = 0;
  /// The same as tables. Looks at the splits.
  virtual std::vector<report::Exhibit> data_exhibits() = 0;
};

}  // namespace mlrun::engine
