#pragma once

#include <memory>
#include <string>
#include <vector>

#include "deploy/graph/graph.h"
#include "nn/part.h"

namespace mlrun::deploy {

/// Stands at the door of a model, or of a part of one, and lets its graph answer: in evaluation mode, without
/// gradients. The graph is compiled at the first call, and the weights may not change from then on. What has none runs
/// layer by layer, which one line of the log tells.
class GraphDoor : public nn::Interceptor {
 public:
  /// Of a whole model; both live as long as this.
  explicit GraphDoor(nn::Layer& model) : model_(model), layer_(model) {}
  GraphDoor(const nn::Layer& model, nn::Part& part) : model_(model), layer_(part), part_(&part) {}

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override;

  bool ran() const { return graph_ && refusal_.empty(); }
  /// Why it does not answer; empty where it does, or was not asked.
  const std::string& refusal() const { return refusal_; }

 private:
  bool answers(const nn::Layer& layer, const nn::Tensors& inputs) const;
  /// Nothing where there is no graph.
  nn::Tensors run(const nn::Tensors& inputs);
  nn::Tensors compute(const nn::Tensors& inputs);

  const nn::Layer& model_;
  nn::Layer& layer_;
  const nn::Part* part_ = nullptr;
  std::unique_ptr<InferenceGraph> graph_;
  bool within_ = false;
  std::string refusal_;
};

/// The graphs of the parts of a model, each at its door while a Scope lives.
class PartGraphs {
 public:
  /// `model` is a Layer, and outlives this.
  explicit PartGraphs(nn::InParts& model);

  class Scope {
   public:
    explicit Scope(PartGraphs& graphs);

   private:
    std::vector<std::unique_ptr<nn::PartScope>> scopes_;
  };

  /// Whether a graph ran, and nothing layer by layer.
  bool ran() const;
  std::string refusal() const;

 private:
  nn::InParts& model_;
  std::vector<std::unique_ptr<GraphDoor>> doors_;
};

}  // namespace mlrun::deploy
