#include "deploy/graph_door.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "nn/tensors.h"
#include "quant/runner.h"

namespace mlrun::deploy {
namespace {

/// Sets a flag for as long as it lives.
class FlagScope {
 public:
  explicit FlagScope(bool& flag) : flag_(flag) { flag_ = true; }
  ~FlagScope() { flag_ = false; }
  FlagScope(const FlagScope&) = delete;
  FlagScope& operator=(const FlagScope&) = delete;

 private:
  bool& flag_;
};

/// A number of samples that a graph is made for, not below `count`: so many as are found at most in some images, or
/// about a sixteenth apart, so that few graphs are made and little is computed in vain.
std::int64_t rounded_samples(std::int64_t count, std::int64_t most) {
  if (count % most == 0) return count;
  std::int64_t step = 1;
  while (step * 32 <= count) step *= 2;
  return std::min((count + step - 1) / step * step, (count / most + 1) * most);
}

nn::Tensors with_samples(const nn::Tensors& tensors, std::int64_t samples) {
  nn::Tensors results;
  for (const auto& tensor : tensors) {
    std::vector<std::int64_t> sizes = tensor.sizes().vec();
    sizes.front() = samples;
    results.push_back(torch::zeros(sizes, tensor.options()));
    results.back().narrow(0, 0, tensor.size(0)).copy_(tensor);
  }
  return results;
}

}  // namespace

bool GraphDoor::answers(const nn::Layer& layer, const nn::Tensors& inputs) const {
  return &layer == &layer_ && !within_ && refusal_.empty() && !model_.is_training() && !torch::GradMode::is_enabled() &&
         !nn::on_meta(inputs) && inputs.front().size(0) > 0;
}

nn::Tensors GraphDoor::around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) {
  if (!answers(layer, inputs)) return proceed(inputs);
  nn::Tensors outputs;
  {
    const FlagScope within(within_);  // compiling runs the model, and a graph may run layers of it
    outputs = run(inputs);
  }
  return outputs.empty() ? proceed(inputs) : outputs;
}

nn::Tensors GraphDoor::run(const nn::Tensors& inputs) {
  try {
    if (part_ == nullptr || part_->found() == 0) return compute(inputs);
    const std::int64_t count = inputs.front().size(0), samples = rounded_samples(count, part_->found());
    nn::Tensors outputs = compute(samples == count ? inputs : with_samples(inputs, samples));
    for (auto& output : outputs) output = output.narrow(0, 0, count);
    return outputs;
  } catch (const NoGraph& reason) {
    refusal_ = reason.what();
  }
  const std::string what = part_ == nullptr ? "this model" : "the part " + part_->part_name() + " of this model";
  log::info(what + " runs layer by layer, not as a graph: " + refusal_);
  return {};
}

nn::Tensors GraphDoor::compute(const nn::Tensors& inputs) {
  if (!graph_) {
    if (quant::int8_runner(model_)) throw NoGraph("it computes in int8");
    graph_ = std::make_unique<InferenceGraph>(layer_, inputs,
                                              part_ == nullptr ? OutputOrder::Channels : OutputOrder::Pixels);
  }
  return graph_->run(inputs);
}

PartGraphs::PartGraphs(nn::InParts& model) : model_(model) {
  const auto* layer = dynamic_cast<const nn::Layer*>(&model);
  MLRUN_ASSERT(layer != nullptr, "parts of what is no layer");
  for (const auto& part : model.parts()) doors_.push_back(std::make_unique<GraphDoor>(*layer, *part));
}

PartGraphs::Scope::Scope(PartGraphs& graphs) {
  for (std::size_t i = 0; i < graphs.doors_.size(); ++i) {
    scopes_.push_back(std::make_unique<nn::PartScope>(*graphs.model_.parts()[i], *graphs.doors_[i]));
  }
}

bool PartGraphs::ran() const {
  return refusal().empty() && std::any_of(doors_.begin(), doors_.end(), [](const auto& d) { return d->ran(); });
}

std::string PartGraphs::refusal() const {
  for (const auto& door : doors_) {
    if (!door->refusal().empty()) return door->refusal();
  }
  return "";
}

}  // namespace mlrun::deploy
