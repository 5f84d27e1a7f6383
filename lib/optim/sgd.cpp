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
  Sgd(const SgdOptions& options, NamedTensors parameters)
      : SlotOptimizer(std::move(parameters), states(options)), options_(options) {}

  double base_lr() const override { return options_.lr; }

 protected:
  void update(torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot, double lr) override {
    const bool first = slot.updates == 1;
    const SgdUpdate update{.lr = lr,
                           .weight_decay = options_.weight_decay,
                           .momentum = options_.momentum,
                           .decay = first ? 0 : options_.momentum,
                           .gain = first ? 1 : 1 - options_.dampening,
                           .nesterov = options_.nesterov};
    if (!single_pass(parameter, gradient, slot)) update_by_operators(parameter, gradient, slot, update);
    else if (parameter.scalar_type() == torch::kFloat32) update_by_pass<float>(parameter, gradient, slot, update);
    else update_by_pass<double>(parameter, gradient, slot, update);
  }

 private:
  static std::vector<std::string> states(const SgdOptions& options) {
    if (options.momentum == 0) return {};
    return {"momentum_buffer"};
  }

  template <class Scalar>
  static void update_by_pass(torch::Tensor& parameter, const torch::Tensor& gradient, Slot& slot,
                             const SgdUpdate& update) {
    auto* p = parameter.data_ptr<Scalar>();
    const auto* g = gradient.data_ptr<Scalar>();
    auto* buffer = slot.states.empty() ? nullptr : slot.states[0].template data_ptr<Scalar>();
    run_pass(parameter, [&](std::int64_t i, std::int64_t size) {
      sgd_pass(size, p + i, g + i, buffer == nullptr ? nullptr : buffer + i, update);
    });
  }

  static void update_by_operators(torch::Tensor& parameter, torch::Tensor gradient, Slot& slot,
                                  const SgdUpdate& update) {
    if (update.weight_decay != 0) gradient = gradient.add(parameter, update.weight_decay);
    if (update.momentum != 0) {
      torch::Tensor& buffer = slot.states[0];
      buffer.mul_(update.decay).add_(gradient, update.gain);
      gradient = update.nesterov ? gradient.add(buffer, update.momentum) : buffer;
    }
    parameter.add_(gradient, -update.lr);
  }

  SgdOptions options_;
};

}  // namespace

void add_sgd(OptimizerFactory& factory) {
  factory.add<SgdOptions>("sgd", "stochastic gradient descent, with momentum or Nesterov momentum",
                          [](const SgdOptions& options, NamedTensors parameters) {
                            return std::make_unique<Sgd>(options, std::move(parameters));
                          });
}

}  // namespace mlrun::optim
