#include <algorithm>

#include "optim/curves.h"

namespace mlrun::optim {
namespace {

struct PointOptions {
  double at = 0;
  double factor = 1;

  static void declare(config::Declare<PointOptions>& d) {
    d("at", &PointOptions::at, "epoch (with interval: step, step), counted from the end of the warm-up")
        .min(0)
        .required();
    d("factor", &PointOptions::factor, "the rate there, as a share of optimizer.lr").min(0).required();
  }
};

struct PiecewiseLinearOptions {
  std::vector<PointOptions> points;

  static void declare(config::Declare<PiecewiseLinearOptions>& d) {
    d("points", &PiecewiseLinearOptions::points,
      "the rate at some times, between which it moves in straight lines; before the first and after the last it stays")
        .required();
    d.rule("points", [](const PiecewiseLinearOptions& o) -> std::string {
      if (o.points.empty()) return "names no point";
      const auto falls = [](const PointOptions& a, const PointOptions& b) { return a.at >= b.at; };
      const bool rising = std::adjacent_find(o.points.begin(), o.points.end(), falls) == o.points.end();
      return rising ? "" : "must be rising in `at`";
    });
  }
};

class PiecewiseLinear : public Schedule {
 public:
  explicit PiecewiseLinear(const PiecewiseLinearOptions& options) : points_(options.points) {}

  double factor(double t, double, double) const override {
    const auto next =
        std::find_if(points_.begin(), points_.end(), [t](const PointOptions& point) { return point.at > t; });
    if (next == points_.begin()) return points_.front().factor;
    if (next == points_.end()) return points_.back().factor;
    const auto& before = *(next - 1);
    const double share = (t - before.at) / (next->at - before.at);
    return before.factor + share * (next->factor - before.factor);
  }

 private:
  std::vector<PointOptions> points_;
};

}  // namespace

void add_piecewise_linear(ScheduleFactory& list) {
  list.add<PiecewiseLinearOptions>(
      "piecewise_linear", "straight lines between given points",
      [](const PiecewiseLinearOptions& options) { return std::make_unique<PiecewiseLinear>(options); });
}

}  // namespace mlrun::optim
