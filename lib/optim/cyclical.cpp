#include <algorithm>
#include <cmath>

#include "optim/curves.h"

namespace mlrun::optim {
namespace {

struct CyclicalOptions {
  std::int64_t cycles = 1;
  std::string shape = "cosine";
  double min_lr = 0;
  bool keep = false;

  static void declare(config::Declare<CyclicalOptions>& d) {
    d("cycles", &CyclicalOptions::cycles,
      "how many times the rate falls from optimizer.lr to min_lr; a cycle lasts the schedule's length divided by it, "
      "rounded up to whole epochs (with interval: step, steps)")
        .min(1)
        .required();
    d("shape", &CyclicalOptions::shape,
      "cosine: down at the cycle's end, as snapshot ensembles; triangular: down in its middle and up again, as fast "
      "geometric ensembling; linear: down in a straight line")
        .choices({"cosine", "triangular", "linear"});
    d("min_lr", &CyclicalOptions::min_lr, "learning rate (not a share) that each cycle falls towards").min(0);
    d("keep", &CyclicalOptions::keep,
      "save a checkpoint where each cycle is lowest and keep them all, whatever train.checkpoint.keep is: the members "
      "of an ensemble (`mlrun eval RUN --ensemble --minima`)");
  }
};

/// The learning rate of snapshot ensembles (Huang et al., ICLR 2017, equation 2), of fast geometric
/// ensembling (Garipov et al., NeurIPS 2018, section 4) and of stochastic weight averaging's first
/// form (Izmailov et al., UAI 2018, equation 1), which count from 1 where `t` counts from 0.
class Cyclical : public Schedule {
 public:
  explicit Cyclical(const CyclicalOptions& options) : options_(options) {}

  double factor(double t, double length, double base_lr) const override {
    const double floor = options_.min_lr / base_lr;
    return 1 - (1 - floor) * depth(t, cycle(length));
  }

  bool minimum(double t, double length) const override {
    const double cycle_length = cycle(length);
    const double lowest = options_.shape == "triangular" ? std::max(1.0, std::floor(cycle_length / 2)) : cycle_length;
    return std::fmod(t, cycle_length) + 1 == lowest;
  }

  bool keeps_minima() const override { return options_.keep; }

 private:
  double cycle(double length) const {
    return std::max(1.0, std::ceil(length / static_cast<double>(options_.cycles) - 1e-9));
  }

  /// How far down the rate is, 0 to 1.
  double depth(double t, double cycle_length) const {
    constexpr double kPi = 3.14159265358979323846;
    const double begun = std::fmod(t, cycle_length);
    if (options_.shape == "cosine") return (1 - std::cos(kPi * begun / cycle_length)) / 2;
    const double passed = (begun + 1) / cycle_length;
    if (options_.shape == "linear") return passed;
    return passed <= 0.5 ? 2 * passed : 2 - 2 * passed;
  }

  CyclicalOptions options_;
};

}  // namespace

void add_cyclical(ScheduleFactory& list) {
  list.add<CyclicalOptions>("cyclical", "falls to min_lr again and again: for ensembles and averages of its minima",
                            [](const CyclicalOptions& options) { return std::make_unique<Cyclical>(options); });
}

}  // namespace mlrun::optim
