#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/layer.h"

/// A model may mix layers with numbers: which boxes are proposed, which remain. Its parts are what lies between: each a
/// layer of its own, for graphs, files and measurements, which look at no numbers.
namespace mlrun::nn {

/// Some of a model's layers behind one door: tensors in, tensors out. It is no child of the model, but has the same
/// layers: names of weights are the model's alone.
class Part : public Layer {
 public:
  using Layers = std::vector<std::pair<std::string, std::shared_ptr<Layer>>>;
  using Body = std::function<Tensors(const Layer& caller, const Tensors& inputs)>;

  /// `body` runs some of `layers` by `caller.call(...)`. `found`: 0, where a sample is an image of the batch; else it
  /// is something found in one, of which there may be any number, for each image about so many at most.
  Part(std::string name, Interface ports, const Layers& layers, Body body, std::int64_t found = 0)
      : Layer(std::move(name)), ports_(std::move(ports)), body_(std::move(body)), found_(found) {
    for (const auto& [key, layer] : layers) add(key, layer);
  }

  const std::string& part_name() const { return name(); }
  std::int64_t found() const { return found_; }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    if (answering_ == nullptr) return body_(*this, inputs);
    return answering_->around(*this, inputs, [this](const Tensors& passed) { return body_(*this, passed); });
  }
  Interface interface() const override { return ports_; }

 private:
  friend class PartScope;
  Interface ports_;
  Body body_;
  std::int64_t found_;
  Interceptor* answering_ = nullptr;
};

/// While it lives, `interceptor` alone stands at the part's door, and at none below. Scopes of a part are nested.
class PartScope {
 public:
  PartScope(Part& part, Interceptor& interceptor) : part_(part), before_(part.answering_) {
    part.answering_ = &interceptor;
  }
  ~PartScope() { part_.answering_ = before_; }
  PartScope(const PartScope&) = delete;
  PartScope& operator=(const PartScope&) = delete;

 private:
  Part& part_;
  Interceptor* before_;
};

/// What a model in parts is, beside a Layer. It runs its parts by their doors, so whoever stands there answers for
/// them.
class InParts {
 public:
  virtual ~InParts() = default;
  /// In the order in which they run.
  virtual const std::vector<std::shared_ptr<Part>>& parts() const = 0;
};

}  // namespace mlrun::nn
