#include "optim/kernels.h"
#include "optim/methods.h"
#include "optim/slots.h"

namespace mlrun::optim {
namespace {

struct RmspropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double momentum = 0;
  double weight_decay = 0;
  bool centered = false;

  static void declare(config::Declare<RmspropOptions>& d) {
    d("lr", &RmspropOptions::lr, "learning rate, scaled by the schedule").above(0);
    d("alpha", &RmspropOptions::alpha, "decay of the running mean of the squared gradient").min(0).max(1);
    d("eps", &RmspropOptions::eps, "added to the denominator, outside the square root").min(0);
    d("momentum", &RmspropOptions::momentum, "share of the last update that goes on; 0: none").min(0).below(1);
    d("weight_decay", &RmspropOptions::weight_decay, "L2 penalty, added to the gradient").min(0);
    d("centered", &RmspropOptions::centered, "divide by the gradient's standard deviation, not by its mean square");
  }
};

/// torch.optim.RMSprop. The slot holds `square_avg`, then `grad_avg` if centered, then
/// `momentum_buffer` with momentum.
class Rmsprop : public SlotOptimizer {
 public:
  Rmsprop(const RmspropOptions& options, NamedTensors parameters)
      : SlotOptimizer(std::move(parameters), states(options)), options_(options) {}

  double base_lr() const override { return options_.lr; }

 protected:
  void update(torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot, double lr) override {
    const RmspropUpdate update{.lr = lr,
                               .alpha = options_.alpha,
                               .eps = options_.eps,
                               .weight_decay = options_.weight_decay,
                               .momentum = options_.momentum};
    if (!single_pass(parameter, gradient, slot)) update_by_operators(parameter, gradient, slot, update);
    else if (parameter.scalar_type() == torch::kFloat32) update_by_pass<float>(parameter, gradient, slot, update);
    else update_by_pass<double>(parameter, gradient, slot, update);
  }

 private:
  static std::vector<std::string> states(const RmspropOptions& options) {
    std::vector<std::string> names{"square_avg"};
    if (options.centered) names.push_back("grad_avg");
    if (options.momentum > 0) names.push_back("momentum_buffer");
    return names;
  }

  torch::Tensor* mean(Slot& slot) const { return options_.centered ? &slot.states[1] : nullptr; }
  torch::Tensor* buffer(Slot& slot) const { return options_.momentum > 0 ? &slot.states.back() : nullptr; }

  template <class Scalar>
  void update_by_pass(torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot,
                      const RmspropUpdate& update) const {
    const auto data = [](torch::Tensor* tensor) {
      return tensor == nullptr ? nullptr : tensor->template data_ptr<Scalar>();
    };
    const auto at = [](Scalar* start, std::int64_t i) { return start == nullptr ? nullptr : start + i; };
    auto* p = parameter.data_ptr<Scalar>();
    const auto* g = gradient.data_ptr<Scalar>();
    auto* square = slot.states[0].template data_ptr<Scalar>();
    auto* means = data(mean(slot));
    auto* buffers = data(buffer(slot));
    run_pass(parameter, [&](std::int64_t i, std::int64_t size) {
      rmsprop_pass(size, p + i, g + i, square + i, at(means, i), at(buffers, i), update);
    });
  }

  void update_by_operators(torch::Tensor& parameter, torch::Tensor gradient, Slot& slot,
                           const RmspropUpdate& update) const {
    if (update.weight_decay != 0) gradient = gradient.add(parameter, update.weight_decay);
    torch::Tensor scale = slot.states[0].mul_(update.alpha).addcmul_(gradient, gradient, 1 - update.alpha);
    if (torch::Tensor* average = mean(slot)) {
      average->mul_(update.alpha).add_(gradient, 1 - update.alpha);
      scale = scale.addcmul(*average, *average, -1);
    }
    scale = scale.sqrt().add_(update.eps);
    if (torch::Tensor* momentum = buffer(slot)) {
      momentum->mul_(update.momentum).addcdiv_(gradient, scale);
      parameter.add_(*momentum, -update.lr);
    } else {
      parameter.addcdiv_(gradient, scale, -update.lr);
    }
  }

  RmspropOptions options_;
};

}  // namespace

void add_rmsprop(OptimizerFactory& factory) {
  factory.add<RmspropOptions>("rmsprop", "gradient over its running root mean square, with momentum, centered",
                              [](const RmspropOptions& options, NamedTensors parameters) {
                                return std::make_unique<Rmsprop>(options, std::move(parameters));
                              });
}

}  // namespace mlrun::optim
