#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "metrics/coco/result.h"
#include "report/exhibit.h"

namespace mlrun::metrics {

/// What a COCO evaluation has to show beside its figures, for people and for programs.
std::vector<report::Exhibit> coco_exhibits(const CocoEvaluation& evaluation, const CocoResult& result,
                                           const std::vector<std::string>& classes);
Json coco_details(const CocoEvaluation& evaluation, const CocoResult& result, const std::vector<std::string>& classes);

}  // namespace mlrun::metrics
