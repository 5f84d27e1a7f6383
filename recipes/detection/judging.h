#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "base/json.h"
#include "data/fields.h"
#include "metrics/coco/mistakes.h"
#include "recipes/detection/asking.h"

namespace mlrun::detection {

/// An image of an evaluation: what is there, what was found, and how both fit.
struct JudgedImage {
  std::string id;
  std::int64_t index = 0;  ///< position in its split
  Found truth, found;      ///< boxes, scores and labels alone; rows are those of the judgement
  torch::Tensor single;    ///< bool, of the truth: what is no crowd
  metrics::CocoJudgement judgement;

  std::size_t missed() const { return judgement.objects - judgement.right; }
  std::size_t false_alarms() const;
};

/// Of sample `row` of a batch with targets; found is what has at least a score of `shown`.
JudgedImage judged_image(const data::Batch& batch, const data::Fields& prediction, std::size_t row, double shown);

/// What the list of an evaluation's samples says of each, and its numbers (`Task::judge`).
std::vector<std::string> judged_columns();
std::vector<std::vector<Json>> judge(const data::Batch& batch, const data::Fields& prediction, double shown);

}  // namespace mlrun::detection
