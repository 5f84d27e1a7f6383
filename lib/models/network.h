#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/layers.h"

/// Convolutional architectures in two parts: a body, which makes maps of features from images, and a head, which makes
/// their answers. A classifier is both (`whole`), a backbone is the first (`make_backbone`).
namespace mlrun::models {

/// One of the layers that a body runs one after another.
struct BodyStep {
  std::string name;
  std::shared_ptr<nn::Layer> layer;
  std::int64_t channels = 0, stride = 0;  ///< of what it gives, where that can be a level; else 0
  std::string group{};                    ///< what it and its neighbours lie in, as RegNet's `trunk_output`
  bool level = false;                     ///< whether it is one where nobody chooses
  bool stage = false;                     ///< whether it begins a stage, which trains or stays frozen as a whole
};

struct HeadStep {
  std::string name;
  std::shared_ptr<nn::Layer> layer;
};

struct Network {
  std::string type;         ///< upstream's class
  std::string container{};  ///< the classifier's child that holds the body, as `features`; empty: itself does
  std::vector<BodyStep> body{};
  std::vector<HeadStep> head{};
  /// Upstream's second pass over the finished classifier; none where its layers keep what they are constructed with.
  std::function<void(nn::Layer& whole)> second_pass{};

  /// Adds a step to the body. What gives its channels and stride can be a level: nothing after it may write to it.
  BodyStep& push(std::string name, std::shared_ptr<nn::Layer> layer, std::int64_t channels = 0,
                 std::int64_t stride = 0);
  /// The same under the next number.
  BodyStep& push(std::shared_ptr<nn::Layer> layer, std::int64_t channels = 0, std::int64_t stride = 0);
  void push_head(std::string name, std::shared_ptr<nn::Layer> layer);

  /// Makes levels of the last step of each stride, and stages of what runs at one stride.
  void mark_strides();
};

/// The classifier of a network. Its layers have no paths yet.
std::shared_ptr<nn::Layer> whole(const Network& network);

/// The same, finished.
std::shared_ptr<nn::Layer> build_whole(const Network& network);

}  // namespace mlrun::models
