#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "data/sources/source.h"

namespace mlrun::classification {

/// What is listed of each sample of an evaluation: `true` and `predicted` class, `probability` of the predicted one,
/// `loss` in nats.
std::vector<std::string> judged_columns();

/// The same of a batch. What the logits do not tell is null. Input and refusals as in accuracy.h.
std::vector<std::vector<Json>> judge(const data::DataInfo& info, const data::Fields& prediction,
                                     const data::Batch& batch);

}  // namespace mlrun::classification
