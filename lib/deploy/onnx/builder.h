#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <torch/types.h>

#include "deploy/onnx/graph.h"

namespace mlrun::deploy {

using OnnxAttributes = std::map<std::string, OnnxAttribute>;

/// ONNX's number for a dtype, as attributes and files have it. UserError for one that files do not have.
std::int64_t onnx_element_type(torch::ScalarType dtype);

/// Puts an ONNX graph together: readable names that occur once, each constant once.
class OnnxBuilder {
 public:
  explicit OnnxBuilder(std::int64_t opset);

  std::int64_t opset() const { return graph_.opset; }
  /// The layer that the operators to come belong to, by its path; their names begin with it.
  void enter(const std::string& path) { path_ = path; }

  void add_input(const OnnxValue& value);
  /// Adds an operator and returns the name of its output.
  std::string add(const std::string& type, const std::vector<std::string>& inputs,
                  const OnnxAttributes& attributes = {});
  std::vector<std::string> add_many(const std::string& type, const std::vector<std::string>& inputs,
                                    const OnnxAttributes& attributes, std::size_t outputs);

  /// An initializer with these numbers, named so unless they have a name already: the same memory in the
  /// same shape is written once.
  std::string constant(const torch::Tensor& tensor, const std::string& name);
  /// int64 [values].
  std::string ints(const std::vector<std::int64_t>& values);
  /// Without dimensions.
  std::string scalar(double value, torch::ScalarType dtype);
  /// [count].
  std::string zeros(std::int64_t count, torch::ScalarType dtype);

  /// Makes `value` an output, named as `output` says.
  void add_output(const std::string& value, const OnnxValue& output);
  /// The graph; what does not lead to its outputs is left out.
  OnnxGraph finish();

 private:
  using Memory = std::tuple<const void*, std::vector<std::int64_t>, std::vector<std::int64_t>, int>;

  std::string unique(const std::string& name);
  std::string here(const std::string& name) const { return path_.empty() ? name : path_ + "/" + name; }
  void rename(const std::string& value, const std::string& name);
  void remove_unused();

  OnnxGraph graph_;
  std::string path_;
  std::set<std::string> names_;
  std::map<Memory, std::string> constants_;
};

}  // namespace mlrun::deploy
