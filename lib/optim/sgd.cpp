#include "optim/kernels.h"
#include "optim/methods.h"
#include "optim/slots.h"

namespace mlrun::optim {
namespace {

struct SgdOptions {
  double lr = 0.1;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;

  static void declare(config::Declare<SgdOptions>& d) {
    d("lr", &SgdOptions::lr, "learning rate, scaled by the schedule").above(0);
    d("momentum", &SgdOptions::momentum, "share of the last update that goes on; 0: none").min(0).below(1);
    d("dampening", &SgdOptions::dampening, "share of the gradient kept out of the momentum").min(0).max(1);
    d("weight_decay", &SgdOptions::weight_decay, "L2 penalty, added to the gradient").min(0);
    d("nesterov", &SgdOptions::nesterov, "Nesterov momentum: look ahead along the momentum");
    d.rule("nesterov", [](const SgdOptions& o) -> std::string {
      if (!o.nesterov) return "";
      if (o.momentum == 0) return "Nesterov momentum needs a momentum above 0";
      return o.dampening != 0 ? "Nesterov momentum needs dampening: 0" : "";
    });
  }
};

/// torch.optim.SGD.
class Sgd : public SlotOptimizer {
 public:
  Sgd(const SgdOptions& options, Parameters parameters)
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
    const SgdUpdate update = update_of(slot, rates);
    if (update.weight_decay != 0) gradient = gradient.add(parameter, update.weight_decay);
    if (update.momentum != 0) {
      torch::Tensor& buffer = slot.states[0];
      buffer.mul_(update.decay).add_(gradient, update.gain);
      gradient = update.nesterov ? gradient.add(buffer, update.momentum) : buffer;
    }
    parameter.add_(gradient, -update.lr);
  }

 private:
  SgdUpdate update_of(const Slot& slot, const Rates& rates) const {
    const bool first = slot.updates == 1;
    return {.lr = rates.lr,
            .weight_decay = rates.weight_decay,
            .momentum = options_.momentum,
            .decay = first ? 0 : options_.momentum,
            .gain = first ? 1 : 1 - options_.dampening,
            .nesterov = options_.nesterov};
  }

  static std::vector<std::string> states(const SgdOptions& options) {
    if (options.momentum == 0) return {};
    return {"momentum_buffer"};
  }

  template <class Scalar>
  Pass typed_pass(const torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot, const Rates& rates) const {
    auto* p = parameter.data_ptr<Scalar>();
    const auto* g = gradient.data_ptr<Scalar>();
    auto* buffer = slot.states.empty() ? nullptr : slot.states[0].template data_ptr<Scalar>();
    return [=, update = update_of(slot, rates)](std::int64_t i, std::int64_t size) {
      sgd_pass(size, p + i, g + i, buffer == nullptr ? nullptr : buffer + i, update);
    };
  }

  SgdOptions options_;
};

}  // namespace

void add_sgd(OptimizerFactory& factory) {
  factory.add<SgdOptions>("sgd", "stochastic gradient descent, with momentum or Nesterov momentum",
                          [](const SgdOptions& options, Parameters parameters) {
                            return std::make_unique<Sgd>(options, std::move(parameters));
                          });
}

}  // namespace mlrun::optim
