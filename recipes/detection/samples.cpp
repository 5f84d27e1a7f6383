#include "recipes/detection/samples.h"

#include <utility>
#include <variant>

#include "base/error.h"
#include "data/collate.h"

namespace mlrun::detection {
namespace {

class VisibleObjects : public data::Source {
 public:
  VisibleObjects(std::shared_ptr<const data::Source> prepared, data::Followers followers)
      : prepared_(std::move(prepared)), followers_(std::move(followers)) {}

  std::int64_t size() const override { return prepared_->size(); }
  data::SampleFacts facts(std::int64_t index) const override { return prepared_->facts(index); }
  data::Sample get(const data::SampleKey& key) const override {
    data::Sample sample = prepared_->get(key);
    followers_.keep_shown(sample.targets);
    return sample;
  }

 private:
  std::shared_ptr<const data::Source> prepared_;
  data::Followers followers_;
};

/// The tensors of a part of all samples (their inputs, their targets), by the names that the first has.
data::Fields lists_of(const std::vector<data::Sample>& samples, data::Fields data::Sample::*part) {
  data::Fields lists;
  for (const auto& [name, value] : samples.front().*part) {
    if (!std::holds_alternative<torch::Tensor>(value)) continue;
    std::vector<torch::Tensor> list;
    for (const auto& sample : samples) list.push_back((sample.*part).tensor(name));
    lists.set(name, std::move(list));
  }
  return lists;
}

}  // namespace

std::shared_ptr<const data::Source> keep_visible(std::shared_ptr<const data::Source> prepared,
                                                 const data::Followers& followers) {
  return prepared ? std::make_shared<VisibleObjects>(std::move(prepared), followers) : nullptr;
}

data::Batch listed(std::vector<data::Sample> samples) {
  data::require_target(samples, "boxes");
  data::Batch batch;
  if (samples.empty()) return batch;
  batch.inputs = lists_of(samples, &data::Sample::inputs);
  batch.targets = lists_of(samples, &data::Sample::targets);
  for (auto& sample : samples) {
    batch.ids.push_back(std::move(sample.id));
    batch.indices.push_back(sample.index);
  }
  return batch;
}

const std::vector<torch::Tensor>& list_of(const data::Fields& fields, const std::string& name) {
  return std::get<std::vector<torch::Tensor>>(fields.at(name));
}

}  // namespace mlrun::detection
