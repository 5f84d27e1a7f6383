#include "data/collate.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "data/batch_memory.h"

namespace mlrun::data {
namespace {

using Member = Fields Sample::*;

void check_same_fields(const std::vector<Sample>& samples, Member member) {
  const Fields& first = samples.front().*member;
  for (const Sample& sample : samples) {
    const Fields& fields = sample.*member;
    const auto lacking = std::find_if(first.begin(), first.end(), [&](const auto& f) { return !fields.has(f.first); });
    if (lacking == first.end() && fields.size() == first.size()) continue;
    const std::string what = lacking == first.end() ? "more" : "no '" + lacking->first + "'";
    throw UserError("sample " + sample.id + " has " + what + " where sample " + samples.front().id + " has " +
                        (lacking == first.end() ? "less" : "one"),
                    "give all samples of a split the same");
  }
}

bool of_one_shape(const std::vector<torch::Tensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [&](const torch::Tensor& tensor) { return tensor.sizes() == tensors.front().sizes(); });
}

Fields put_together(const std::vector<Sample>& samples, Member member) {
  Fields fields;
  for (const auto& [name, value] : samples.front().*member) {
    if (std::holds_alternative<torch::Tensor>(value)) {
      std::vector<torch::Tensor> tensors;
      for (const Sample& sample : samples) tensors.push_back((sample.*member).tensor(name));
      if (of_one_shape(tensors)) fields.set(name, stack(tensors));
      else fields.set(name, std::move(tensors));
    } else if (std::holds_alternative<double>(value)) {
      std::vector<double> numbers;
      for (const Sample& sample : samples) numbers.push_back(std::get<double>((sample.*member).at(name)));
      fields.set(name, torch::tensor(numbers, torch::kDouble));
    }
  }
  return fields;
}

}  // namespace

void require_target(const std::vector<Sample>& samples, const std::string& name) {
  for (const Sample& sample : samples) {
    if (sample.targets.size() == 0 || sample.targets.has(name)) continue;
    throw UserError(Problem{"", 0, 0, "data.format",
                            "sample " + sample.id + " has no " + name + ", which this task wants",
                            "choose a format whose samples have one"});
  }
}

Batch stacked(std::vector<Sample> samples) {
  Batch batch;
  if (samples.empty()) return batch;
  for (const Member member : {&Sample::inputs, &Sample::targets}) check_same_fields(samples, member);
  batch.inputs = put_together(samples, &Sample::inputs);
  batch.targets = put_together(samples, &Sample::targets);
  for (Sample& sample : samples) {
    batch.ids.push_back(std::move(sample.id));
    batch.indices.push_back(sample.index);
  }
  return batch;
}

}  // namespace mlrun::data
