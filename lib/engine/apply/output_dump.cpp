#include "engine/apply/output_dump.h"

#include <algorithm>

#include <torch/types.h>
namespace mlrun::engine {
namespace {

/// As files of scores have it: whole numbers stay, all others are float32.
torch::Tensor kept(const torch::Tensor& tensor) {
  return tensor.is_floating_point() ? tensor.to(torch::kFloat) : tensor;
}

}  // namespace

void OutputDump::Columns::add(const data::Fields& fields) {
  for (const auto& [name, value] : fields) {
    const auto is_it = [&name = name](const Column& column) { return column.name == name; };
    auto found = std::find_if(columns_.begin(), columns_.end(), is_it);
    if (found == columns_.end()) found = columns_.insert(columns_.end(), Column{name, {}, {}});
    if (const auto* tensor = std::get_if<torch::Tensor>(&value)) {
      found->rows.push_back(kept(*tensor));
    } else if (const auto* list = std::get_if<std::vector<torch::Tensor>>(&value)) {
      for (const auto& rows : *list) {
        found->rows.push_back(kept(rows));
        found->counts.push_back(rows.size(0));
      }
    }
  }
}

void OutputDump::Columns::write(const std::string& title, weights::NamedTensors& tensors) const {
  for (const Column& column : columns_) {
    if (column.rows.empty()) continue;  // text
    const std::string name = columns_.size() == 1 ? title : title + "." + column.name;
    tensors.emplace_back(name, torch::cat(column.rows));
    if (!column.counts.empty()) tensors.emplace_back(name + ".counts", torch::tensor(column.counts, torch::kLong));
  }
}

void OutputDump::add(const data::Batch& batch, const data::Fields& prediction) {
  outputs_.add(prediction);
  targets_.add(batch.targets);
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    indices_.push_back(batch.indices[i]);
    ids_.push_back(batch.ids[i]);
  }
}

void OutputDump::write(const std::filesystem::path& file) const {
  weights::NamedTensors tensors;
  outputs_.write("outputs", tensors);
  targets_.write("targets", tensors);
  tensors.emplace_back("index", torch::tensor(indices_, torch::kLong));
  weights::write_safetensors(file, tensors, {{"sample_ids", json_text(ids_)}});
}

}  // namespace mlrun::engine
