#include "data/fields.h"

#include "base/error.h"

namespace mlrun::data {

bool Fields::has(const std::string& name) const {
  for (const auto& item : items_) {
    if (item.first == name) return true;
  }
  return false;
}

const Value& Fields::at(const std::string& name) const {
  for (const auto& item : items_) {
    if (item.first == name) return item.second;
  }
  throw InternalError(__FILE__, __LINE__, "no field '" + name + "'");
}

const torch::Tensor& Fields::tensor(const std::string& name) const {
  const auto* tensor = std::get_if<torch::Tensor>(&at(name));
  MLRUN_ASSERT(tensor != nullptr, "field '" + name + "' is not a tensor");
  return *tensor;
}

void Fields::set(const std::string& name, Value value) {
  for (auto& item : items_) {
    if (item.first != name) continue;
    item.second = std::move(value);
    return;
  }
  items_.emplace_back(name, std::move(value));
}

Fields Fields::mapped(const std::function<torch::Tensor(const torch::Tensor&)>& change) const {
  Fields changed;
  for (const auto& [name, value] : items_) {
    if (const auto* tensor = std::get_if<torch::Tensor>(&value)) {
      changed.set(name, change(*tensor));
    } else if (const auto* list = std::get_if<std::vector<torch::Tensor>>(&value)) {
      std::vector<torch::Tensor> tensors;
      for (const auto& item : *list) tensors.push_back(change(item));
      changed.set(name, std::move(tensors));
    } else {
      changed.set(name, value);
    }
  }
  return changed;
}

Fields Fields::to(torch::Device device) const {
  // What comes from a GPU is read by the CPU right away, so that copy is waited for.
  const bool wait = !device.is_cuda();
  return mapped([device, wait](const torch::Tensor& tensor) { return tensor.to(device, /*non_blocking=*/!wait); });
}

Fields Fields::pinned() const {
  return mapped([](const torch::Tensor& tensor) { return tensor.pin_memory(); });
}

}  // namespace mlrun::data
