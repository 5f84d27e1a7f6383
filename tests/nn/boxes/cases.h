#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "models/parity.h"
#include "support.h"

/// What the tests of boxes share with scripts/fixtures/boxes.py.
namespace mlrun::test {

inline const Json& box_cases(const std::string& name) {
  static const Json all = Json::parse(read_file(fixture("nn/boxes.json")));
  return all.at(name);
}

inline torch::ScalarType type_named(const std::string& name) {
  return name == "float64" ? torch::kDouble : torch::kFloat;
}

/// Boxes of a picture of `side` pixels; some reach beyond it.
inline torch::Tensor boxes(std::int64_t count, double side, torch::ScalarType type, std::int64_t skip = 0) {
  const torch::Tensor values = formula({count + skip, 4}).slice(0, skip) + 0.5;
  const torch::Tensor corners = values.slice(1, 0, 2) * side, sides = values.slice(1, 2, 4);
  return torch::cat({corners, corners + sides * sides * side / 2}, 1).to(type);
}

inline std::vector<std::int64_t> rows(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.to(torch::kLong).contiguous();
  return {flat.data_ptr<std::int64_t>(), flat.data_ptr<std::int64_t>() + flat.numel()};
}

/// Whether `tensor` has these values, to `tolerance` of the largest.
inline bool near(const torch::Tensor& tensor, const Json& values, double tolerance) {
  const torch::Tensor wanted = torch::tensor(values.get<std::vector<double>>(), torch::kDouble);
  if (tensor.numel() != wanted.numel()) return false;
  const double distance = (tensor.detach().to(torch::kDouble).flatten() - wanted).abs().max().item<double>();
  return distance <= tolerance * wanted.abs().max().item<double>();
}

}  // namespace mlrun::test
