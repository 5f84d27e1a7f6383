#include "models/detection/candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>

namespace mlrun::models {
namespace {

/// How the values of one image lie: one after another by pixel (channels-last) or by channel.
struct MapLayout {
  std::int64_t channels, pixels;
  bool by_pixel;
};

constexpr std::int64_t kBlock = 512;  // pixels that one thread looks at
constexpr std::int64_t kStep = 16;    // values that are looked at together

/// Finds what is above `least` among the pixels of a block, in the order of the places.
template <class Scalar>
class BlockScan {
 public:
  using Hit = std::pair<std::int64_t, Scalar>;

  BlockScan(const Scalar* values, const MapLayout& layout, Scalar least)
      : values_(values), layout_(layout), least_(least) {}

  std::vector<Hit> operator()(std::int64_t begin, std::int64_t end) {
    hits_.clear();
    const std::int64_t channels = layout_.channels;
    if (layout_.by_pixel) {
      run(values_ + begin * channels, (end - begin) * channels, begin * channels, 1);
      return std::move(hits_);
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      run(values_ + c * layout_.pixels + begin, end - begin, begin * channels + c, channels);
    }
    if (static_cast<std::int64_t>(hits_.size()) > (end - begin) * channels / 8) {
      gather(begin, end);  // more than sorting is worth
    } else {
      std::sort(hits_.begin(), hits_.end(), [](const Hit& a, const Hit& b) { return a.first < b.first; });
    }
    return std::move(hits_);
  }

 private:
  void gather(std::int64_t begin, std::int64_t end) {
    hits_.clear();
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      for (std::int64_t c = 0; c < layout_.channels; ++c) {
        const Scalar value = values_[c * layout_.pixels + pixel];
        if (value > least_) hits_.emplace_back(pixel * layout_.channels + c, value);
      }
    }
  }

  /// Values one after another, of which the first has the place `first`, the next `stride` more.
  void run(const Scalar* values, std::int64_t count, std::int64_t first, std::int64_t stride) {
    std::int64_t i = 0;
    for (; i + kStep <= count; i += kStep) {
      int any = 0;
      for (std::int64_t j = 0; j < kStep; ++j) any |= values[i + j] > least_;
      if (any) take(values, i, i + kStep, first, stride);
    }
    take(values, i, count, first, stride);
  }

  void take(const Scalar* values, std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t stride) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (values[i] > least_) hits_.emplace_back(first + i * stride, values[i]);
    }
  }

  const Scalar* values_;
  MapLayout layout_;
  Scalar least_;
  std::vector<Hit> hits_;
};

template <class Scalar>
Candidates joined(const std::vector<std::vector<std::pair<std::int64_t, Scalar>>>& blocks,
                  const torch::TensorOptions& options) {
  std::int64_t count = 0;
  for (const auto& block : blocks) count += static_cast<std::int64_t>(block.size());
  Candidates all{torch::empty({count}, torch::kLong), torch::empty({count}, options)};
  auto* place = all.places.data_ptr<std::int64_t>();
  auto* value = all.values.data_ptr<Scalar>();
  for (const auto& block : blocks) {
    for (const auto& hit : block) *place++ = hit.first, *value++ = hit.second;
  }
  return all;
}

template <class Scalar>
Candidates scanned(const torch::Tensor& map, const MapLayout& layout, double least) {
  const std::int64_t count = (layout.pixels + kBlock - 1) / kBlock;
  std::vector<std::vector<std::pair<std::int64_t, Scalar>>> blocks(static_cast<std::size_t>(count));
  const auto* values = map.data_ptr<Scalar>();
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    BlockScan<Scalar> scan(values, layout, static_cast<Scalar>(least));
    for (std::int64_t i = begin; i < end; ++i) {
      blocks[static_cast<std::size_t>(i)] = scan(i * kBlock, std::min((i + 1) * kBlock, layout.pixels));
    }
  });
  return joined<Scalar>(blocks, map.options());
}

/// Rows above a threshold, all of one class before those of the next.
struct ByClass {
  torch::Tensor rows;
  std::vector<std::int64_t> counts;  ///< of the classes from the second on
};

template <class Scalar>
using Valued = std::vector<std::pair<Scalar, std::int64_t>>;

/// The best `most` of (value, row), by falling value, in torch::topk's order where values are equal.
template <class Scalar>
void keep_best(Valued<Scalar>& all, std::int64_t most) {
  const auto falling = [](const auto& a, const auto& b) { return a.first > b.first; };
  const std::int64_t count = std::min(most, static_cast<std::int64_t>(all.size()));
  if (count > 0 && count * 64 <= static_cast<std::int64_t>(all.size())) {
    std::partial_sort(all.begin(), all.begin() + count, all.end(), falling);
  } else if (count > 0) {
    std::nth_element(all.begin(), all.begin() + count - 1, all.end(), falling);
    std::sort(all.begin(), all.begin() + count - 1, falling);
  }
  all.resize(static_cast<std::size_t>(count));
}

/// Of each class but the first the (score, row) above a threshold, by row.
template <class Scalar>
std::vector<Valued<Scalar>> listed_by_class(const torch::Tensor& scores, Scalar least) {
  const std::int64_t rows = scores.size(0), classes = scores.size(1);
  std::vector<Valued<Scalar>> found(static_cast<std::size_t>(classes - 1));
  const auto* value = scores.data_ptr<Scalar>();
  for (std::int64_t row = 0; row < rows; ++row, value += classes) {
    for (std::int64_t c = 1; c < classes; ++c) {
      if (value[c] > least) found[static_cast<std::size_t>(c - 1)].emplace_back(value[c], row);
    }
  }
  return found;
}

template <class Scalar>
ClassBest best_on_cpu(const torch::Tensor& scores, double threshold, std::int64_t most) {
  auto found = listed_by_class<Scalar>(scores.contiguous(), static_cast<Scalar>(threshold));
  at::parallel_for(0, static_cast<std::int64_t>(found.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) keep_best<Scalar>(found[static_cast<std::size_t>(i)], most);
  });
  std::int64_t count = 0;
  for (const auto& own : found) count += static_cast<std::int64_t>(own.size());
  ClassBest best{torch::empty({count}, scores.options()), torch::empty({count}, torch::kLong),
                 torch::empty({count}, torch::kLong)};
  auto* score = best.scores.template data_ptr<Scalar>();
  auto *row = best.rows.template data_ptr<std::int64_t>(), *label = best.labels.template data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const auto& [value, at] : found[i]) {
      *score++ = value;
      *row++ = at;
      *label++ = static_cast<std::int64_t>(i) + 1;
    }
  }
  return best;
}

ByClass by_class(const torch::Tensor& scores, double threshold) {
  const torch::Tensor above = (scores.slice(1, 1) > threshold).t();
  const torch::Tensor counts = above.sum(1).cpu();
  const auto* first = counts.data_ptr<std::int64_t>();
  return {at::where(above).at(1), {first, first + counts.numel()}};
}

}  // namespace

Candidates above(const torch::Tensor& map, double least) {
  const auto type = map.scalar_type();
  if (!map.is_cpu() || (type != torch::kFloat && type != torch::kDouble)) {
    const torch::Tensor flat = map.permute({1, 2, 0}).reshape(-1);
    const torch::Tensor places = at::where(flat > least).front();
    return {places, flat.index_select(0, places)};
  }
  const bool by_pixel = map.permute({1, 2, 0}).is_contiguous();
  const torch::Tensor lying = by_pixel ? map : map.contiguous();
  const MapLayout layout{map.size(0), map.size(1) * map.size(2), by_pixel};
  return type == torch::kFloat ? scanned<float>(lying, layout, least) : scanned<double>(lying, layout, least);
}

double logit_below(double score) {
  if (score <= 0) return -std::numeric_limits<double>::infinity();
  if (score >= 1) return std::numeric_limits<double>::infinity();
  return std::log(score / (1 - score)) - 1e-3;
}

LevelBest best_of_level(const torch::Tensor& scores, const torch::Tensor& places, std::int64_t classes,
                        double threshold, std::int64_t most) {
  const torch::Tensor kept = at::where(scores > threshold).front();
  const auto [best, order] = scores.index_select(0, kept).topk(std::min(most, kept.numel()));
  const torch::Tensor chosen = places.index_select(0, kept.index_select(0, order));
  return {best, at::div(chosen, classes, "floor"), chosen.remainder(classes)};
}

ClassBest best_of_classes(const torch::Tensor& scores, double threshold, std::int64_t most) {
  const auto type = scores.scalar_type();
  if (scores.is_cpu() && type == torch::kFloat) return best_on_cpu<float>(scores, threshold, most);
  if (scores.is_cpu() && type == torch::kDouble) return best_on_cpu<double>(scores, threshold, most);
  const ByClass listed = by_class(scores, threshold);
  const torch::Tensor labels = torch::arange(1, scores.size(1), listed.rows.options());
  std::vector<torch::Tensor> values, rows;
  std::vector<std::int64_t> kept;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < listed.counts.size(); begin += listed.counts[i++]) {
    const std::int64_t count = listed.counts[i];
    kept.push_back(std::min(most, count));
    if (count == 0) continue;
    const torch::Tensor own = listed.rows.narrow(0, begin, count);
    const auto [best, order] =
        scores.select(1, static_cast<std::int64_t>(i) + 1).index_select(0, own).topk(kept.back());
    values.push_back(best);
    rows.push_back(own.index_select(0, order));
  }
  const torch::Tensor repeats = torch::tensor(kept, torch::kLong).to(labels.device());
  if (rows.empty()) return {scores.new_empty({0}), listed.rows, labels.slice(0, 0, 0)};
  return {at::cat(values), at::cat(rows), labels.repeat_interleave(repeats)};
}

torch::Tensor at_anchors(const torch::Tensor& map, const torch::Tensor& anchors, std::int64_t columns) {
  const std::int64_t each = map.size(0) / columns, pixels = map.size(1) * map.size(2);
  const torch::Tensor pixel = at::div(anchors, each, "floor"), anchor = anchors.remainder(each);
  const torch::Tensor channel = anchor.unsqueeze(1) * columns + torch::arange(columns, anchors.options());
  return at::take(map, channel * pixels + pixel.unsqueeze(1));
}

torch::Tensor anchor_rows(const std::vector<torch::Tensor>& maps, std::int64_t columns) {
  std::vector<torch::Tensor> rows;
  for (const auto& map : maps) rows.push_back(map.permute({0, 2, 3, 1}).reshape({map.size(0), -1, columns}));
  return at::cat(rows, 1);
}

std::vector<torch::Tensor> widened(std::vector<torch::Tensor> maps) {
  for (auto& map : maps) {
    if (map.scalar_type() == torch::kHalf || map.scalar_type() == torch::kBFloat16) map = map.to(torch::kFloat);
  }
  return maps;
}

}  // namespace mlrun::models
