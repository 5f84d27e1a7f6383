#include "nn/recompute.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include <torch/autograd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "base/torch_compat.h"
#include "nn/autocast.h"
#include "nn/rehearsal.h"
#include "nn/tensors.h"

namespace mlrun::nn {

struct Recompute::Block {
  std::vector<torch::Tensor> parameters;
  std::vector<BatchNorm*> norms;
  std::set<int> looked;          ///< calls in a pass of which the next member is known
  bool writes_to_input = false;  ///< an activation in place comes first: what is kept must be a copy
};

namespace {

using Block = Recompute::Block;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Run = std::function<Tensors(const Tensors&)>;

/// The state of the default generator that a block on this device draws from.
class GeneratorState {
 public:
  explicit GeneratorState(const torch::Device& device) : generator_(at::globalContext().defaultGenerator(device)) {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    state_ = generator_.get_state();
  }
  void restore() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    generator_.set_state(state_);
  }
  at::Generator& generator() { return generator_; }

 private:
  at::Generator generator_;
  torch::Tensor state_;
};

/// One call of a block: what computing it again needs.
struct Call : torch::CustomClassHolder {
  Call(Block& block_, int number_, Run run_, std::size_t inputs_, const torch::Device& device)
      : block(block_),
        number(number_),
        run(std::move(run_)),
        inputs(inputs_),
        random(device),
        autocast(Autocast::current(device.type())) {
    autocast.cache = false;  // a cast that was made without gradients must not serve where they are wanted
  }

  Block& block;
  int number;  ///< of the call in the pass
  Run run;
  std::size_t inputs;
  GeneratorState random;
  Autocast autocast;
};

/// The random numbers and the precision of an earlier call, and batch norms that do not count again.
class Again {
 public:
  Again(Call& call, const torch::Device& device) : call_(call), now_(device), autocast_(call.autocast) {
    call_.random.restore();
    for (BatchNorm* norm : call_.block.norms) norm->track(false);
  }
  ~Again() {
    for (BatchNorm* norm : call_.block.norms) norm->track(true);
    now_.restore();
  }
  Again(const Again&) = delete;
  Again& operator=(const Again&) = delete;

 private:
  Call& call_;
  GeneratorState now_;
  AutocastScope autocast_;
};

/// Runs the block for its outputs alone; `kept` gets what the inputs were before.
Tensors run_once(Call& call, const Tensors& inputs, Tensors& kept) {
  const torch::NoGradGuard no_gradients;
  const Rehearsal rehearsal;
  const AutocastScope precision(call.autocast);
  Block& block = call.block;
  Tensors own;
  const bool may_share = block.looked.count(call.number) > 0 && !block.writes_to_input;
  for (const auto& input : inputs) own.push_back(may_share ? input : input.clone());
  std::vector<std::uint32_t> versions;
  for (const auto& tensor : own) versions.push_back(static_cast<std::uint32_t>(tensor._version()));
  kept = inputs;
  Tensors outputs = call.run(own);
  for (std::size_t i = 0; i < own.size(); ++i) {
    block.writes_to_input = block.writes_to_input || versions[i] != static_cast<std::uint32_t>(own[i]._version());
  }
  block.looked.insert(call.number);
  for (auto& output : outputs) {
    if (output.is_view()) output = output.clone();  // autograd lets nobody write to a view made here
  }
  return outputs;
}

/// Gradients of the block's inputs and parameters, from computing it again.
variable_list differentiate(Call& call, const variable_list& saved, const variable_list& gradients) {
  const torch::AutoGradMode with_gradients(true);
  Tensors inputs;
  std::vector<torch::Tensor> wanted;
  for (std::size_t i = 0; i < call.inputs; ++i) {
    torch::Tensor input = call.block.writes_to_input ? saved[i].detach().clone() : saved[i].detach();
    input.set_requires_grad(saved[i].requires_grad());
    inputs.push_back(input);
  }
  Tensors outputs;
  {
    const Again again(call, saved.front().device());
    outputs = call.run(inputs);
  }
  variable_list reached, given;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad() || !gradients[i].defined()) continue;
    reached.push_back(outputs[i]);
    given.push_back(gradients[i]);
  }
  for (const auto& input : inputs) {
    if (input.requires_grad()) wanted.push_back(input);
  }
  for (std::size_t i = call.inputs; i < saved.size(); ++i) wanted.push_back(saved[i]);
  const auto found = torch::autograd::grad(reached, wanted, given, /*retain_graph=*/false, /*create_graph=*/false,
                                           /*allow_unused=*/true);
  variable_list result;
  std::size_t at = 0;
  for (const auto& input : inputs) result.push_back(input.requires_grad() ? found[at++] : torch::Tensor());
  while (at < found.size()) result.push_back(found[at++]);
  return result;
}

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  /// `tensors`: the inputs, then the parameters that want gradients.
  static variable_list forward(AutogradContext* context, const c10::intrusive_ptr<Call>& call, at::TensorList tensors) {
    const auto parameters = tensors.begin() + static_cast<std::ptrdiff_t>(call->inputs);
    Tensors kept;
    Tensors outputs = run_once(*call, Tensors(tensors.begin(), parameters), kept);
    kept.insert(kept.end(), parameters, tensors.end());
    context->save_for_backward(kept);
    context->saved_data["call"] = c10::IValue::make_capsule(call);
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto holder = context->saved_data["call"].toCapsule();
    variable_list result = differentiate(static_cast<Call&>(*holder), context->get_saved_variables(), gradients);
    result.insert(result.begin(), torch::Tensor());  // of the call itself
    return result;
  }
};

Tensors run_block(Block& block, int number, const Tensors& inputs, const Run& run) {
  Tensors tensors = inputs;
  for (const auto& parameter : block.parameters) {
    if (parameter.requires_grad()) tensors.push_back(parameter);
  }
  const auto wanted = [](const torch::Tensor& tensor) { return tensor.requires_grad(); };
  if (std::none_of(tensors.begin(), tensors.end(), wanted)) return run(inputs);
  auto call = c10::make_intrusive<Call>(block, number, run, inputs.size(), inputs.front().device());
  return RecomputeFunction::apply(call, at::TensorList(tensors));
}

void add_to(Block& block, Layer& layer) {
  for (Layer* below : layer.all_layers()) {
    for (const auto& parameter : below->parameters(/*recurse=*/false)) {
      const auto same = [&](const torch::Tensor& known) { return known.is_same(parameter); };
      if (std::none_of(block.parameters.begin(), block.parameters.end(), same)) block.parameters.push_back(parameter);
    }
    if (auto* norm = dynamic_cast<BatchNorm*>(below)) block.norms.push_back(norm);
  }
}

}  // namespace

Recompute::Recompute(Layer& root) : calls_(root) {
  const RecomputeBlocks found = recompute_blocks(root);
  for (Layer* layer : found.layers) {
    auto& block = blocks_[layer] = std::make_unique<Block>();
    add_to(*block, *layer);
  }
  for (const Stretch& stretch : found.stretches) {
    auto block = std::make_unique<Block>();
    for (std::size_t i = stretch.first; i < stretch.last; ++i) add_to(*block, *stretch.sequence->steps()[i]);
    sequences_[stretch.sequence].push_back({stretch.first, stretch.last, std::move(block)});
  }
}

Recompute::~Recompute() = default;

Tensors Recompute::around(Layer& layer, const Tensors& inputs, const Proceed& proceed) {
  const int call = calls_.number(layer);
  const bool whole = std::all_of(inputs.begin(), inputs.end(), [](const auto& input) { return input.defined(); });
  if (!torch::GradMode::is_enabled() || inputs.empty() || !whole || on_meta(inputs)) return proceed(inputs);
  const auto block = blocks_.find(&layer);
  if (block != blocks_.end()) return run_block(*block->second, call, inputs, proceed);
  if (sequences_.count(&layer) > 0) return run_steps(static_cast<Sequential&>(layer), call, inputs.front());
  return proceed(inputs);
}

Tensors Recompute::run_steps(Sequential& sequence, int call, const torch::Tensor& input) {
  const auto& steps = sequence.steps();
  const auto run = [&sequence](std::size_t first, std::size_t last, torch::Tensor x) {
    for (std::size_t i = first; i < last; ++i) x = sequence.call(*sequence.steps()[i], x);
    return x;
  };
  torch::Tensor x = input;
  std::size_t at = 0;
  for (const Part& part : sequences_.at(&sequence)) {
    x = run(at, part.first, x);
    const Run again = [run, &part](const Tensors& inputs) {
      return Tensors{run(part.first, part.last, inputs.front())};
    };
    x = run_block(*part.block, call, {x}, again).front();
    at = part.last;
  }
  return {run(at, steps.size(), x)};
}

}  // namespace mlrun::nn
