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
  bool eps_inside_sqrt = false;
  double initial_square_avg = 0;
  bool lr_in_momentum = false;

  static void declare(config::Declare<RmspropOptions>& d) {
    d("lr", &RmspropOptions::lr, "learning rate, scaled by the schedule").above(0);
    d("alpha", &RmspropOptions::alpha, "decay of the running mean of the squared gradient").min(0).max(1);
    d("eps", &RmspropOptions::eps, "added to the denominator, outside the square root").min(0);
    d("momentum", &RmspropOptions::momentum, "share of the last update that goes on; 0: none").min(0).below(1);
    d("weight_decay", &RmspropOptions::weight_decay, "L2 penalty, added to the gradient").min(0);
    d("centered", &RmspropOptions::centered, "divide by the gradient's standard deviation, not by its mean square");
    d("eps_inside_sqrt", &RmspropOptions::eps_inside_sqrt,
      "add eps to the mean square, before the square root, as TensorFlow and timm's rmsprop_tf do; TensorFlow's eps "
      "outside the root is about its square root");
    d("initial_square_avg", &RmspropOptions::initial_square_avg,
      "the mean square before the first step; 1 as in TensorFlow and timm's rmsprop_tf")
        .min(0);
    d("lr_in_momentum", &RmspropOptions::lr_in_momentum,
      "scale what enters the momentum by the learning rate, as TensorFlow and timm's rmsprop_tf do, not what leaves "
      "it: a change of the rate then acts slowly");
    d.rule("lr_in_momentum", [](const RmspropOptions& o) -> std::string {
      return o.lr_in_momentum && o.momentum == 0 ? "needs a momentum above 0" : "";
    });
  }
};

/// torch.optim.RMSprop, and with its last three options TensorFlow's (as timm's RMSpropTF). The slot
/// holds `square_avg`, then `grad_avg` if centered, then `momentum_buffer` with momentum.
class Rmsprop : public SlotOptimizer {
 public:
  Rmsprop(const RmspropOptions& options, Parameters parameters)
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
    const RmspropUpdate update = update_of(rates);
    if (update.weight_decay != 0) gradient = gradient.add(parameter, update.weight_decay);
    torch::Tensor scale = slot.states[0].mul_(update.alpha).addcmul_(gradient, gradient, 1 - update.alpha);
    if (torch::Tensor* average = mean(slot)) {
      average->mul_(update.alpha).add_(gradient, 1 - update.alpha);
      scale = scale.addcmul(*average, *average, -1);
    }
    scale = scale.add(update.inner_eps).sqrt_().add_(update.eps);
    if (torch::Tensor* momentum = buffer(slot)) {
      momentum->mul_(update.momentum).addcdiv_(gradient, scale, update.gain);
      parameter.add_(*momentum, -update.lr);
    } else {
      parameter.addcdiv_(gradient, scale, -update.lr);
    }
  }

  double initial(std::size_t state) const override { return state == 0 ? options_.initial_square_avg : 0; }

 private:
  static std::vector<std::string> states(const RmspropOptions& options) {
    std::vector<std::string> names{"square_avg"};
    if (options.centered) names.push_back("grad_avg");
    if (options.momentum > 0) names.push_back("momentum_buffer");
    return names;
  }

  torch::Tensor* mean(Slot& slot) const { return options_.centered ? &slot.states[1] : nullptr; }
  torch::Tensor* buffer(Slot& slot) const { return options_.momentum > 0 ? &slot.states.back() : nullptr; }

  RmspropUpdate update_of(const Rates& rates) const {
    return {.lr = options_.lr_in_momentum ? 1 : rates.lr,
            .alpha = options_.alpha,
            .eps = options_.eps_inside_sqrt ? 0 : options_.eps,
            .inner_eps = options_.eps_inside_sqrt ? options_.eps : 0,
            .weight_decay = rates.weight_decay,
            .momentum = options_.momentum,
            .gain = options_.lr_in_momentum ? rates.lr : 1};
  }

  template <class Scalar>
  Pass typed_pass(const torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot, const Rates& rates) const {
    const auto data = [](torch::Tensor* tensor) {
      return tensor == nullptr ? nullptr : tensor->template data_ptr<Scalar>();
    };
    const auto at = [](Scalar* start, std::int64_t i) { return start == nullptr ? nullptr : start + i; };
    auto* p = parameter.data_ptr<Scalar>();
    const auto* g = gradient.data_ptr<Scalar>();
    auto* square = slot.states[0].template data_ptr<Scalar>();
    auto* means = data(mean(slot));
    auto* buffers = data(buffer(slot));
    return [=, update = update_of(rates)](std::int64_t i, std::int64_t size) {
      rmsprop_pass(size, p + i, g + i, square + i, at(means, i), at(buffers, i), update);
    };
  }

  RmspropOptions options_;
};

}  // namespace

void add_rmsprop(OptimizerFactory& factory) {
  factory.add<RmspropOptions>("rmsprop", "gradient over its running root mean square, with momentum, centered",
                              [](const RmspropOptions& options, Parameters parameters) {
                                return std::make_unique<Rmsprop>(options, std::move(parameters));
                              });
}

}  // namespace mlrun::optim
