#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/json.h"

namespace mlrun::data {

/// What a resumed run must find again: tensors by name and plain values by name. A scope prefixes
/// the names of what is written or read through it (`optimizer.` + `momentum.conv1.weight`).
class State {
 public:
  using Tensors = std::vector<std::pair<std::string, torch::Tensor>>;

  void put(const std::string& name, const torch::Tensor& tensor);
  void put(const std::string& name, Json value);
  /// All plain values at once, an object.
  void put_values(Json values) { values_ = std::move(values); }
  /// UserError that names what is missing: the state is another version's or another recipe's.
  torch::Tensor tensor(const std::string& name) const;
  const Json& value(const std::string& name) const;
  bool has(const std::string& name) const;

  const Tensors& tensors() const { return tensors_; }
  const Json& values() const { return values_; }

 private:
  Tensors tensors_;
  Json values_ = Json::object();
};

/// A part of a run that resume restores. `prefix` ends in a dot or is empty.
class Stateful {
 public:
  virtual ~Stateful() = default;
  virtual void save(State& state, const std::string& prefix) const = 0;
  virtual void load(const State& state, const std::string& prefix) = 0;
};

}  // namespace mlrun::data
