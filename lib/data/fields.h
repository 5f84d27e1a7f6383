#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <torch/types.h>

namespace mlrun::data {

/// One value of a sample or batch: a tensor, a ragged list of tensors, text or a number.
using Value = std::variant<torch::Tensor, std::vector<torch::Tensor>, std::string, double>;

/// Values by name, in the order in which they were set. What a task puts in under a name it finds
/// again under that name; the engine only moves them about.
class Fields {
 public:
  using Item = std::pair<std::string, Value>;

  Fields() = default;
  Fields(std::initializer_list<Item> items) : items_(items) {}

  bool has(const std::string& name) const;
  /// InternalError when `name` is absent.
  const Value& at(const std::string& name) const;
  const torch::Tensor& tensor(const std::string& name) const;
  void set(const std::string& name, Value value);

  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }

  /// The same fields with every tensor on `device`.
  Fields to(torch::Device device) const;
  /// The same fields with every tensor in page-locked memory, which a GPU fetches while the program goes on. Needs
  /// CUDA.
  Fields pinned() const;

 private:
  Fields mapped(const std::function<torch::Tensor(const torch::Tensor&)>& change) const;

  std::vector<Item> items_;
};

/// One sample. `id` is its path relative to the data set's root, or its index as text.
struct Sample {
  std::string id;
  std::int64_t index = 0;  ///< position in its split
  Fields inputs;
  Fields targets;
};

/// A sample that could not be read and was left out.
struct Skipped {
  std::string id;
  std::int64_t index = 0;  ///< position in its split
  std::string message;     ///< why, as the error would have said it
};

/// Samples put together for one call of a model.
struct Batch {
  std::vector<std::string> ids;
  std::vector<std::int64_t> indices;  ///< position of each sample in its split
  Fields inputs;                      ///< empty where every sample was skipped
  Fields targets;
  std::vector<Skipped> skipped;  ///< what should have been in it, too

  std::int64_t size() const { return static_cast<std::int64_t>(ids.size()); }
};

}  // namespace mlrun::data
