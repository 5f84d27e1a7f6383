#pragma once

#include <fstream>
#include <set>
#include <string>

#include <torch/types.h>

#include "deploy/onnx/model.h"
#include "support.h"
#include "weights/safetensors.h"

/// Fixtures of ONNX models: tensors NAME/model (the file), NAME/input_0..., NAME/output_0...
namespace mlrun::test {

class OnnxCases {
 public:
  explicit OnnxCases(const std::string& file) {
    for (auto& [name, tensor] : weights::read_safetensors(fixture("deploy/" + file)).tensors) {
      tensors_.emplace(name, tensor);
      if (const auto slash = name.find("/model"); slash != std::string::npos) names_.insert(name.substr(0, slash));
    }
  }

  const std::set<std::string>& names() const { return names_; }

  /// The model's file, written to `path`.
  std::filesystem::path write(const std::string& name, const std::filesystem::path& path) const {
    const torch::Tensor& bytes = tensors_.at(name + "/model");
    std::ofstream(path, std::ios::binary).write(static_cast<const char*>(bytes.data_ptr()), bytes.numel());
    return path;
  }

  /// `input` or `output`.
  std::vector<torch::Tensor> values(const std::string& name, const std::string& kind) const {
    std::vector<torch::Tensor> found;
    for (int i = 0;; ++i) {
      const auto tensor = tensors_.find(name + "/" + kind + "_" + std::to_string(i));
      if (tensor == tensors_.end()) return found;
      found.push_back(tensor->second);
    }
  }

 private:
  std::map<std::string, torch::Tensor> tensors_;
  std::set<std::string> names_;
};

/// Type, shape and values are the same, floats to `relative` and `absolute`.
inline bool same(const torch::Tensor& a, const torch::Tensor& b, double relative, double absolute) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  if (!a.is_floating_point()) return a.equal(b);
  return torch::allclose(a.to(torch::kDouble), b.to(torch::kDouble), relative, absolute, /*equal_nan=*/true);
}

}  // namespace mlrun::test
