#include <cmath>

#include "optim/kernels.h"
#include "optim/methods.h"
#include "optim/slots.h"

namespace mlrun::optim {
namespace {

/// Of `adam` (weight decay as an L2 penalty) and `adamw` (decoupled from the gradient).
template <bool kDecoupled>
struct AdamOptions {
  double lr = 1e-3;
  std::vector<double> betas{0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = kDecoupled ? 1e-2 : 0;
  bool amsgrad = false;

  static void declare(config::Declare<AdamOptions>& d) {
    d("lr", &AdamOptions::lr, "learning rate, scaled by the schedule").above(0);
    d("betas", &AdamOptions::betas, "decay of the running means of the gradient and of its square")
        .length(2)
        .min(0)
        .below(1);
    d("eps", &AdamOptions::eps, "added to the denominator").min(0);
    d("weight_decay", &AdamOptions::weight_decay,
      kDecoupled ? "share of the weights taken off in each step, times the learning rate"
                 : "L2 penalty, added to the gradient")
        .min(0);
    d("amsgrad", &AdamOptions::amsgrad, "divide by the largest mean square so far, not by the present one");
  }
};

/// torch.optim.Adam and torch.optim.AdamW.
template <bool kDecoupled>
class Adam : public SlotOptimizer {
 public:
  using Options = AdamOptions<kDecoupled>;

  Adam(const Options& options, Parameters parameters)
      : SlotOptimizer(std::move(parameters), states(options)), options_(options) {}

  double base_lr() const override { return options_.lr; }
  double weight_decay() const override { return options_.weight_decay; }

 protected:
  Pass pass(const torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot,
            const Rates& rates) const override {
    if (parameter.scalar_type() == torch::kFloat32) return typed_pass<float>(parameter, gradient, slot, rates);
    return typed_pass<double>(parameter, gradient, slot, rates);
  }

  void update(torch::Tensor& parameter, torch::Tensor gradient, Slot& slot, const Rates& rates) const override {
    const AdamUpdate update = update_of(slot, rates);
    if (update.shrink != 1) parameter.mul_(update.shrink);
    if (update.weight_decay != 0) gradient = gradient.add(parameter, update.weight_decay);
    torch::Tensor& first = slot.states[0];
    torch::Tensor& second = slot.states[1];
    first.mul_(update.beta1).add_(gradient, 1 - update.beta1);
    second.mul_(update.beta2).addcmul_(gradient, gradient, 1 - update.beta2);
    torch::Tensor scale = second;
    if (slot.states.size() == 3) scale = slot.states[2].copy_(torch::maximum(slot.states[2], second));
    parameter.addcdiv_(first, scale.sqrt().div_(update.correction).add_(update.eps), -update.step_size);
  }

 private:
  AdamUpdate update_of(const Slot& slot, const Rates& rates) const {
    const double beta1 = options_.betas[0], beta2 = options_.betas[1];
    const auto t = static_cast<double>(slot.updates);
    return {.beta1 = beta1,
            .beta2 = beta2,
            .eps = options_.eps,
            .step_size = rates.lr / (1 - std::pow(beta1, t)),
            .correction = std::sqrt(1 - std::pow(beta2, t)),
            .weight_decay = kDecoupled ? 0 : rates.weight_decay,
            .shrink = kDecoupled ? 1 - rates.lr * rates.weight_decay : 1};
  }

  static std::vector<std::string> states(const Options& options) {
    if (options.amsgrad) return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
    return {"exp_avg", "exp_avg_sq"};
  }

  template <class Scalar>
  Pass typed_pass(const torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot, const Rates& rates) const {
    auto* p = parameter.data_ptr<Scalar>();
    const auto* g = gradient.data_ptr<Scalar>();
    auto* first = slot.states[0].template data_ptr<Scalar>();
    auto* second = slot.states[1].template data_ptr<Scalar>();
    auto* largest = slot.states.size() == 3 ? slot.states[2].template data_ptr<Scalar>() : nullptr;
    return [=, update = update_of(slot, rates)](std::int64_t i, std::int64_t size) {
      adam_pass(size, p + i, g + i, first + i, second + i, largest == nullptr ? nullptr : largest + i, update);
    };
  }

  Options options_;
};

template <bool kDecoupled>
void add(OptimizerFactory& factory, const char* name, const char* description) {
  factory.add<AdamOptions<kDecoupled>>(name, description,
                                       [](const AdamOptions<kDecoupled>& options, Parameters parameters) {
                                         return std::make_unique<Adam<kDecoupled>>(options, std::move(parameters));
                                       });
}

}  // namespace

void add_adam(OptimizerFactory& factory) {
  add<false>(factory, "adam", "adaptive moments; weight decay as an L2 penalty");
  add<true>(factory, "adamw", "adaptive moments; weight decay decoupled from the gradient");
}

}  // namespace mlrun::optim
