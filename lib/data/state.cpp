#include "data/state.h"

#include "base/error.h"

namespace mlrun::data {
namespace {

[[noreturn]] void missing(const std::string& name) {
  throw UserError("the saved state has no '" + name + "'",
                  "it was written by another version or recipe; start the run anew or resume an earlier checkpoint");
}

}  // namespace

void State::put(const std::string& name, const torch::Tensor& tensor) { tensors_.emplace_back(name, tensor); }

void State::put(const std::string& name, Json value) { values_[name] = std::move(value); }

torch::Tensor State::tensor(const std::string& name) const {
  for (const auto& [key, tensor] : tensors_) {
    if (key == name) return tensor;
  }
  missing(name);
}

const Json& State::value(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) missing(name);
  return *found;
}

bool State::has(const std::string& name) const {
  for (const auto& item : tensors_) {
    if (item.first == name) return true;
  }
  return values_.contains(name);
}

}  // namespace mlrun::data
