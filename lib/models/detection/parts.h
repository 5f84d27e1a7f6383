#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/layer.h"

/// A detector mixes layers with numbers (which boxes are proposed, which remain). Its parts are what lies between: each
/// a layer of its own, for graphs, files and measurements, which look at no numbers.
namespace mlrun::models {

/// Some of a detector's layers behind one door: tensors in, tensors out. It is no child of the detector, but has the
/// same layers: names of weights are the detector's alone.
class DetectorPart : public nn::Layer {
 public:
  using Layers = std::vector<std::pair<std::string, std::shared_ptr<nn::Layer>>>;
  using Body = std::function<nn::Tensors(const nn::Layer& caller, const nn::Tensors& inputs)>;

  /// `body` runs some of `layers` by `caller.call(...)`.
  DetectorPart(std::string name, nn::Interface ports, const Layers& layers, Body body)
      : Layer(std::move(name)), ports_(std::move(ports)), body_(std::move(body)) {
    for (const auto& [key, layer] : layers) add(key, layer);
  }

  const std::string& part_name() const { return name(); }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override { return body_(*this, inputs); }
  nn::Interface interface() const override { return ports_; }

 private:
  nn::Interface ports_;
  Body body_;
};

/// `kind`_0, `kind`_1 ... for each of `kinds` in turn, `count` of each: ports of what is there for every map.
inline std::vector<nn::Port> ports_of_maps(const std::vector<std::string>& kinds, std::size_t count) {
  std::vector<nn::Port> ports;
  for (const auto& kind : kinds) {
    for (std::size_t i = 0; i < count; ++i) ports.push_back({kind + "_" + std::to_string(i)});
  }
  return ports;
}

}  // namespace mlrun::models
