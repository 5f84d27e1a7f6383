#include "metrics/coco/explain.h"

#include <cmath>

#include "report/format.h"

namespace mlrun::metrics {
namespace {

std::string counted(std::int64_t count, const char* one, const char* many) {
  return report::grouped(count) + " " + (count == 1 ? one : many);
}

/// Of something found that is right nowhere: how it lies.
std::string misplaced(const CocoEvaluation& evaluation) {
  constexpr double kRelative = 2, kPixels = 8, kOther = 1.5;  // coordinates
  const CocoTotals& totals = evaluation.totals();
  const double found = totals.farthest_detection, there = totals.farthest_truth;
  const std::string reach =
      "; they reach to " + report::fixed(found, 1) + " and the objects to " + report::fixed(there, 1);
  const std::string none =
      "no detection overlaps an object by " + report::fixed(evaluation.settings().shown_overlap, 2);
  if (found == 0 || there == 0) return none;
  if (found <= kRelative && there >= kPixels) return none + reach + ": they seem to be relative, not in pixels";
  if (found > there * kOther || there > found * kOther) {
    return none + reach + ": are they in pixels of the image as it lies on disk?";
  }
  return none + reach + ": are they [x, y, width, height] where that is meant, and of the same images?";
}

std::string why_nothing(const CocoEvaluation& evaluation) {
  const CocoTotals& totals = evaluation.totals();
  if (totals.detections == 0 && totals.unknown > 0) return "all detections are of classes that the data do not have";
  if (totals.detections == 0) return "nothing was detected; a lower score threshold may find more";
  if (totals.near == 0) return misplaced(evaluation);
  if (totals.right == 0) {
    return counted(totals.near, "detection lies", "detections lie") +
           " on an object, none on one of its class: are the class numbers shifted, or ids in place of positions?";
  }
  return "what was found lies only on objects that do not count, or comes after too many mistakes";
}

}  // namespace

std::vector<CocoRemark> remarks_on(const CocoEvaluation& evaluation, const CocoResult& result) {
  std::vector<CocoRemark> remarks;
  const CocoTotals& totals = evaluation.totals();
  const auto& areas = result.settings.areas;
  std::vector<std::int64_t> truths(areas.size(), 0);
  for (std::size_t i = 0; i < result.truths.size(); ++i) truths[i % areas.size()] += result.truths[i];
  if (totals.truths == 0) {
    remarks.push_back({"ap", "there are no objects in " +
                                 counted(static_cast<std::int64_t>(evaluation.images()), "image", "images") +
                                 ", so nothing could be found"});
  } else if (truths[0] == 0) {
    remarks.push_back({"ap", "of " + counted(totals.truths, "object", "objects") + " " +
                                 report::grouped(totals.ignored) +
                                 " are crowds or ignored, so nothing that counts could be found"});
  }
  if (truths[0] > 0 && mean_of(result, {}) == 0) remarks.push_back({"ap", "0: " + why_nothing(evaluation)});
  for (std::size_t a = 1; a < areas.size() && truths[0] > 0; ++a) {
    if (truths[a] > 0) continue;
    remarks.push_back({"ap_" + areas[a].name, "no object that counts has " + report::fixed(areas[a].least, 0) + " to " +
                                                  report::fixed(areas[a].most, 0) + " square pixels"});
  }
  if (totals.unknown > 0) {
    remarks.push_back({"ap", counted(totals.unknown, "detection is", "detections are") +
                                 " of classes that the data do not have, and left out"});
  }
  return remarks;
}

}  // namespace mlrun::metrics
