#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

/// What of the heads' many outputs is looked at: tens of millions of logits, of which some hundreds matter.
namespace mlrun::models {

/// Some of the values of one image's map [C, H, W].
struct Candidates {
  torch::Tensor places;  ///< int64, ascending: (row * W + column) * C + channel
  torch::Tensor values;
};

/// Those above `least`; never NaN.
Candidates above(const torch::Tensor& map, double least);

/// Below every logit whose sigmoid, rounded as it may be, is above `score`.
double logit_below(double score);

/// The best of a level of one image, by falling score.
struct LevelBest {
  torch::Tensor scores;
  torch::Tensor anchors;  ///< int64, rows among the level's
  torch::Tensor labels;   ///< int64
};

/// Of scores [n] at `places` of a map with `classes` channels for each anchor: up to `most` above `threshold`.
LevelBest best_of_level(const torch::Tensor& scores, const torch::Tensor& places, std::int64_t classes,
                        double threshold, std::int64_t most);

/// The best of one image, class by class, in each by falling score.
struct ClassBest {
  torch::Tensor scores;
  torch::Tensor rows;    ///< int64
  torch::Tensor labels;  ///< int64
};

/// Of scores [rows, classes]: for each class but the first up to `most` above `threshold`.
ClassBest best_of_classes(const torch::Tensor& scores, double threshold, std::int64_t most);

/// What a map [anchors * columns, H, W] says of some of the level's anchors: [n, columns].
torch::Tensor at_anchors(const torch::Tensor& map, const torch::Tensor& anchors, std::int64_t columns);

/// Of float32 at least: pixels and losses need it where autocast gives less.
std::vector<torch::Tensor> widened(std::vector<torch::Tensor> maps);

/// Maps [N, anchors * columns, H, W] as rows of all anchors, [N, all, columns].
torch::Tensor anchor_rows(const std::vector<torch::Tensor>& maps, std::int64_t columns);

}  // namespace mlrun::models
