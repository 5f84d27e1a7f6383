#include "nn/layer.h"

#include "base/error.h"

namespace mlrun::nn {
namespace {

void collect(Layer& layer, std::vector<Layer*>& found) {
  found.push_back(&layer);
  for (const auto& child : layer.layers()) collect(*child, found);
}

std::string join(const std::string& path, const std::string& name) { return path.empty() ? name : path + "." + name; }

void collect_state(const torch::nn::Module& module, const std::string& path,
                   std::vector<std::pair<std::string, torch::Tensor>>& state) {
  for (const auto& item : module.named_parameters(/*recurse=*/false)) {
    if (item.value().defined()) state.emplace_back(join(path, item.key()), item.value());
  }
  for (const auto& item : module.named_buffers(/*recurse=*/false)) {
    if (item.value().defined()) state.emplace_back(join(path, item.key()), item.value());
  }
  for (const auto& item : module.named_children()) collect_state(*item.value(), join(path, item.key()), state);
}

}  // namespace

torch::Tensor Layer::forward(const torch::Tensor& input) { return forward(Tensors{input}).front(); }

Tensors UnaryLayer::forward(const Tensors& inputs) { return Tensors{forward(inputs.front())}; }

void Layer::reset() {
  for (const auto& child : layers()) child->reset();
}

int64_t Layer::macs(const Tensors&, const Tensors&) const { return 0; }

std::vector<std::shared_ptr<Layer>> Layer::layers() const {
  std::vector<std::shared_ptr<Layer>> result;
  for (const auto& child : children()) {
    auto layer = std::dynamic_pointer_cast<Layer>(child);
    MLRUN_ASSERT(layer, "a child of " + type() + " is no layer");
    result.push_back(std::move(layer));
  }
  return result;
}

std::vector<Layer*> Layer::all_layers() {
  std::vector<Layer*> found;
  collect(*this, found);
  return found;
}

void Layer::intercept(const std::vector<Interceptor*>& interceptors) {
  for (Layer* layer : all_layers()) layer->interceptors_ = interceptors;
}

Tensors Layer::enter(const Tensors& inputs) { return interceptors_.empty() ? forward(inputs) : pass(0, inputs); }

torch::Tensor Layer::enter(const torch::Tensor& input) {
  return interceptors_.empty() ? forward(input) : pass(0, Tensors{input}).front();
}

Tensors Layer::pass(std::size_t interceptor, const Tensors& inputs) {
  if (interceptor >= interceptors_.size()) return forward(inputs);
  return interceptors_[interceptor]->around(
      *this, inputs, [this, interceptor](const Tensors& passed) { return pass(interceptor + 1, passed); });
}

InterceptorScope::InterceptorScope(Layer& root, Interceptor& interceptor) {
  for (Layer* layer : root.all_layers()) {
    auto& installed = layer->interceptors_;
    before_.emplace_back(layer, installed);
    const bool substituted = !installed.empty() && dynamic_cast<Substitute*>(installed.back());
    installed.insert(substituted ? installed.end() - 1 : installed.end(), &interceptor);
  }
}

InterceptorScope::~InterceptorScope() {
  for (auto& [layer, interceptors] : before_) layer->interceptors_ = std::move(interceptors);
}

UserError too_small(const Layer& layer, const torch::Tensor& input) {
  return UserError("the images are too small for this model: " + std::to_string(input.size(-2)) + "x" +
                       std::to_string(input.size(-1)) + " pixels are left of them at " +
                       (layer.path().empty() ? layer.type() : layer.path()),
                   "bring them to a larger size in data.augment and data.preprocess");
}

void name_layers(Layer& root) {
  for (const auto& item : root.named_children()) {
    auto* child = dynamic_cast<Layer*>(item.value().get());
    MLRUN_ASSERT(child, item.key() + " in " + root.type() + " is no layer");
    child->path_ = join(root.path_, item.key());
    name_layers(*child);
  }
}

void initialise(Layer& root, std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  torch::manual_seed(seed);
  root.reset();
  root.initialise_weights();
}

std::vector<std::pair<std::string, torch::Tensor>> state_dict(const Layer& root) {
  std::vector<std::pair<std::string, torch::Tensor>> state;
  collect_state(root, "", state);
  return state;
}

}  // namespace mlrun::nn
