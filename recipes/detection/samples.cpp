#include "recipes/detection/samples.h"

#include <utility>
#include <variant>

#include "base/error.h"
#include "data/collate.h"

namespace mlrun::detection {
namespace {

class VisibleObjects : public data::Source {
 public:
  explicit VisibleObjects(std::shared_ptr<const data::Source> prepared) : prepared_(std::move(prepared)) {}

  std::int64_t size() const override { return prepared_->size(); }
  data::SampleFacts facts(std::int64_t index) const override { return prepared_->facts(index); }
  data::Sample get(const data::SampleKey& key) const override {
    data::Sample sample = prepared_->get(key);
    if (!sample.targets.has("boxes")) return sample;  // another task's data: `listed` says so
    const torch::Tensor visible = data::has_area(sample.targets.tensor("boxes"));
    if (!visible.all().item<bool>()) data::keep_rows(sample.targets, object_fields(), visible);
    return sample;
  }

 private:
  std::shared_ptr<const data::Source> prepared_;
};

/// Adds each sample's tensors to those of the samples before it.
void add_tensors(const data::Fields& sample, data::Fields& lists) {
  for (const auto& [name, value] : sample) {
    const auto* tensor = std::get_if<torch::Tensor>(&value);
    if (tensor == nullptr) continue;
    std::vector<torch::Tensor> list;
    if (lists.has(name)) list = std::get<std::vector<torch::Tensor>>(lists.at(name));
    list.push_back(*tensor);
    lists.set(name, std::move(list));
  }
}

}  // namespace

const std::vector<std::string>& object_fields() {
  static const std::vector<std::string> names = {"boxes",      "labels",    "crowd", "area",
                                                 "object_ids", "difficult", "masks", "keypoints"};
  return names;
}

data::Followers object_followers(const data::DataInfo& info) {
  using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;
  const auto sides = info.facts.value("keypoint_pairs", Pairs());
  return {{"boxes", data::follow_boxes()},     {"labels", data::follow_rows()},
          {"crowd", data::follow_rows()},      {"area", data::follow_rows()},
          {"object_ids", data::follow_rows()}, {"difficult", data::follow_rows()},
          {"masks", data::follow_masks(0)},    {"keypoints", data::follow_keypoints(sides)}};
}

std::shared_ptr<const data::Source> keep_visible(std::shared_ptr<const data::Source> prepared) {
  return prepared ? std::make_shared<VisibleObjects>(std::move(prepared)) : nullptr;
}

data::Batch listed(std::vector<data::Sample> samples) {
  data::require_target(samples, "boxes");
  data::Batch batch;
  for (auto& sample : samples) {
    add_tensors(sample.inputs, batch.inputs);
    add_tensors(sample.targets, batch.targets);
    batch.ids.push_back(std::move(sample.id));
    batch.indices.push_back(sample.index);
  }
  return batch;
}

const std::vector<torch::Tensor>& list_of(const data::Fields& fields, const std::string& name) {
  return std::get<std::vector<torch::Tensor>>(fields.at(name));
}

}  // namespace mlrun::detection
