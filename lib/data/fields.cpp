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

Fields Fields::to(torch::Device device) const {
  Fields moved;
  for (const auto& [name, value] : items_) {
    if (const auto* tensor = std::get_if<torch::Tensor>(&value)) {
      moved.set(name, tensor->to(device, /*non_blocking=*/true));
    } else if (const auto* list = std::get_if<std::vector<torch::Tensor>>(&value)) {
      std::vector<torch::Tensor> tensors;
      for (const auto& item : *list) tensors.push_back(item.to(device, /*non_blocking=*/true));
      moved.set(name, std::move(tensors));
    } else {
      moved.set(name, value);
    }
  }
  return moved;
}

}  // namespace mlrun::data
