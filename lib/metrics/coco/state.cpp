// What an evaluation keeps as plain lists, and back.

#include <algorithm>
#include <numeric>
#include <utility>

#include "metrics/coco/evaluation.h"

namespace mlrun::metrics {
namespace {

template <class To, class From>
void put_rows(std::vector<To>& to, const std::vector<From>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

/// The rows of one class out of those of all, `width` numbers each.
template <class To, class From>
void take_rows(std::vector<To>& to, const std::vector<From>& from, std::size_t first, std::size_t rows,
               std::size_t width = 1) {
  to.clear();
  for (std::size_t i = first * width; i < (first + rows) * width; ++i) to.push_back(static_cast<To>(from[i]));
}

bool all_short(const std::vector<std::int64_t>& values) {
  return std::all_of(values.begin(), values.end(), [](std::int64_t value) { return value >= 0 && value <= 0xFFFF; });
}

bool all_errors(const std::vector<std::int64_t>& values) {
  constexpr auto kLast = static_cast<std::int64_t>(CocoError::Background);
  return std::all_of(values.begin(), values.end(), [](std::int64_t value) { return value >= 0 && value <= kLast; });
}

bool all_classes(const std::vector<std::int64_t>& values, std::size_t classes) {
  const auto end = static_cast<std::int64_t>(classes);
  return std::all_of(values.begin(), values.end(), [end](std::int64_t value) { return value >= -1 && value < end; });
}

}  // namespace

CocoState CocoEvaluation::state() const {
  CocoState state;
  for (const auto& records : records_) {
    state.rows.push_back(static_cast<std::int64_t>(records.size()));
    put_rows(state.scores, records.scores);
    put_rows(state.images, records.images);
    put_rows(state.ranks, records.ranks);
    put_rows(state.hits, records.hits);
    put_rows(state.left_out, records.left_out);
    for (const CocoError error : records.errors) state.errors.push_back(static_cast<std::int64_t>(error));
    put_rows(state.mended, records.mended);
    put_rows(state.truths, records.truths);
    state.missed.push_back(records.missed);
  }
  state.seen.assign(seen_.begin(), seen_.end());
  std::sort(state.seen.begin(), state.seen.end());
  state.confusion = confusion_;
  state.counts = {totals_.truths, totals_.ignored, totals_.detections, totals_.near, totals_.right, totals_.unknown};
  state.farthest = {totals_.farthest_truth, totals_.farthest_detection};
  return state;
}

bool CocoEvaluation::restore(const CocoState& state) {
  const std::size_t areas = settings_.areas.size();
  std::size_t rows = 0;
  for (const std::int64_t count : state.rows) {
    if (count < 0 || static_cast<std::size_t>(count) > state.scores.size()) return false;
    rows += static_cast<std::size_t>(count);
  }
  const bool fits = state.rows.size() == records_.size() && state.truths.size() == records_.size() * areas &&
                    state.confusion.size() == confusion_.size() && state.counts.size() == 6 &&
                    state.farthest.size() == 2 && state.scores.size() == rows && state.images.size() == rows &&
                    state.ranks.size() == rows && state.hits.size() == rows * areas &&
                    state.left_out.size() == rows * areas && state.errors.size() == rows &&
                    state.mended.size() == rows && state.missed.size() == records_.size() && all_short(state.ranks) &&
                    all_short(state.hits) && all_short(state.left_out) && all_errors(state.errors) &&
                    all_classes(state.mended, records_.size());
  if (!fits) return false;
  std::size_t first = 0;
  for (std::size_t k = 0; k < records_.size(); ++k) {
    CocoRecords& records = records_[k];
    const auto count = static_cast<std::size_t>(state.rows[k]);
    take_rows(records.scores, state.scores, first, count);
    take_rows(records.images, state.images, first, count);
    take_rows(records.ranks, state.ranks, first, count);
    take_rows(records.hits, state.hits, first, count, areas);
    take_rows(records.left_out, state.left_out, first, count, areas);
    take_rows(records.errors, state.errors, first, count);
    take_rows(records.mended, state.mended, first, count);
    take_rows(records.truths, state.truths, k, 1, areas);
    records.missed = state.missed[k];
    first += count;
  }
  seen_ = {state.seen.begin(), state.seen.end()};
  confusion_ = state.confusion;
  const auto& n = state.counts;
  totals_ = {n[0], n[1], n[2], n[3], n[4], n[5], state.farthest[0], state.farthest[1]};
  return true;
}

}  // namespace mlrun::metrics
