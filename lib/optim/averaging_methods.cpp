#include "optim/averaging_methods.h"

#include <algorithm>
#include <cmath>

namespace mlrun::optim {
namespace {

using config::Span;

constexpr const char* kStartHelp = "of the training; weights of what comes after are averaged";
constexpr const char* kEveryHelp = "between two sets of weights, counted from the start";

bool is_time(const Span& span) { return span.unit == Span::Unit::Seconds; }

/// Declares a member that `Options` has from its base.
template <class Options, class Base, class M>
config::FieldBuilder inherited(config::Declare<Options>& d, const char* name, M Base::*member, const char* help) {
  return d(name, static_cast<M Options::*>(member), help);
}

/// Rules that every method's times obey.
template <class Options>
void declare_times(config::Declare<Options>& d) {
  inherited(d, "start", &Options::start, kStartHelp);
  inherited(d, "every", &Options::every, kEveryHelp);
  d.rule("start", [](const Options& o) -> std::string {
    return is_time(o.start) ? "cannot be a time; give it in epochs, steps or %" : "";
  });
  d.rule("every", [](const Options& o) -> std::string {
    return is_time(o.every) || o.every.value <= 0 ? "must be a length above 0 in epochs, steps or %" : "";
  });
}

struct NormOptions {
  std::string transforms = "train";
  std::optional<std::int64_t> samples;

  static void declare(config::Declare<NormOptions>& d) {
    d("transforms", &NormOptions::transforms, "prepare the samples as for training or for evaluation")
        .choices({"train", "eval"});
    d("samples", &NormOptions::samples, "size of a seeded subset; null: all training samples").min(1);
  }
};

struct SwaOptions {
  Span start{75, Span::Unit::Percent};
  Span every{1, Span::Unit::Epochs};
  std::string capture = "every";
  std::optional<double> swa_lr;
  Span anneal{10, Span::Unit::Epochs};
  std::string anneal_strategy = "cos";
  bool update_bn = true;
  NormOptions bn;

  static void declare(config::Declare<SwaOptions>& d) { declare_swa(d); }

  template <class Options>
  static void declare_swa(config::Declare<Options>& d) {
    declare_times(d);
    inherited(d, "capture", &Options::capture,
              "when weights are taken in: by `every`, or once in each cycle of schedule: cyclical, at its minimum")
        .choices({"every", "minimum"});
    inherited(d, "swa_lr", &Options::swa_lr,
              "learning rate while weights are averaged, annealed from the schedule's; null: the schedule goes on")
        .above(0);
    inherited(d, "anneal", &Options::anneal,
              "length of the way to swa_lr, in epochs (with schedule.interval: step, also in steps)");
    inherited(d, "anneal_strategy", &Options::anneal_strategy, "course of the way to swa_lr")
        .choices({"cos", "linear"});
    inherited(d, "update_bn", &Options::update_bn, "make batch norm's statistics anew for the averaged weights");
    inherited(d, "bn", &Options::bn, "the samples for batch norm's statistics");
    d.rule("swa_lr", [](const Options& o) -> std::string {
      return o.swa_lr && o.capture == "minimum" ? "does not go with capture: minimum, as it ends the cycles" : "";
    });
    d.rule("anneal", [](const Options& o) -> std::string {
      return is_time(o.anneal) ? "cannot be a time; give it in epochs, steps or %" : "";
    });
  }
};

struct SwagOptions : SwaOptions {
  std::int64_t rank = 20;

  static void declare(config::Declare<SwagOptions>& d) {
    SwaOptions::declare_swa(d);
    d("rank", &SwagOptions::rank, "deviations from the mean that are kept for the covariance").min(2);
  }
};

struct EmaOptions {
  Span start{0, Span::Unit::Epochs};
  Span every{1, Span::Unit::Steps};
  double decay = 0.9999;
  bool rescale = false, warmup = false;

  static void declare(config::Declare<EmaOptions>& d) {
    declare_times(d);
    d("decay", &EmaOptions::decay, "share of the average that each set of weights leaves in place").min(0).below(1);
    d("rescale", &EmaOptions::rescale,
      "take 1 - decay times batch_size x every / epochs, as torchvision's reference script does");
    d("warmup", &EmaOptions::warmup,
      "begin with small decays, 1 - (1 + n)^(-2/3) after n sets, as timm's ModelEmaV3: a short training forgets its "
      "initial weights and batch norm's initial variances");
    d.rule("rescale", [](const EmaOptions& o) -> std::string {
      return o.rescale && o.every.unit != Span::Unit::Steps ? "needs `every` in steps" : "";
    });
  }
};

AveragingPlan swa_plan(const SwaOptions& options, std::unique_ptr<WeightAverage> average) {
  AveragingPlan plan;
  plan.average = std::move(average);
  plan.prefix = "swa_";
  plan.start = options.start;
  plan.every = options.every;
  plan.at_minima = options.capture == "minimum";
  if (options.swa_lr) plan.rate = AveragingRate{*options.swa_lr, options.anneal, options.anneal_strategy == "cos"};
  if (options.update_bn) plan.norms = NormRenewal{options.bn.transforms == "train", options.bn.samples};
  return plan;
}

/// torchvision's reference: the decay holds for one epoch of a batch of one.
double rescaled(const EmaOptions& options, const AveragingRequest& request) {
  const double share = static_cast<double>(request.batch_size) * options.every.value / request.epochs;
  return 1 - std::min(1.0, (1 - options.decay) * share);
}

AveragingPlan ema_plan(const EmaOptions& options, const AveragingRequest& request) {
  AveragingPlan plan;
  const double decay = options.rescale ? rescaled(options, request) : options.decay;
  plan.average = std::make_unique<ExponentialAverage>(decay, options.warmup);
  if (!options.warmup) plan.decay = decay;
  plan.prefix = "ema_";
  plan.start = options.start;
  plan.every = options.every;
  return plan;
}

}  // namespace

const AveragingFactory& averagings() {
  static const AveragingFactory factory = [] {
    AveragingFactory list("averaging");
    list.add<config::NoOptions>("none", "the weights as they are",
                                [](const config::NoOptions&, const AveragingRequest&) { return AveragingPlan(); });
    list.add<SwaOptions>("swa", "stochastic weight averaging: the equal average of a training's last part",
                         [](const SwaOptions& options, const AveragingRequest&) {
                           return swa_plan(options, std::make_unique<EqualAverage>());
                         });
    list.add<EmaOptions>(
        "ema", "an average in which older weights fade",
        [](const EmaOptions& options, const AveragingRequest& request) { return ema_plan(options, request); });
    list.add<SwagOptions>("swag", "swa with the weights' covariance, for samples of a posterior",
                          [](const SwagOptions& options, const AveragingRequest&) {
                            return swa_plan(options, std::make_unique<GaussianAverage>(options.rank));
                          });
    return list;
  }();
  return factory;
}

PhasedRate::PhasedRate(const config::RateSection& section, double base_lr, Horizon horizon,
                       const std::optional<AveragingRate>& phase, std::int64_t start_step, std::uint64_t seed)
    : schedule_(section, base_lr, horizon, seed), phase_(phase) {
  if (!phase_) return;
  unit_ = section.interval == "epoch" ? horizon.steps_per_epoch : 1;
  start_ = (start_step + unit_ - 1) / unit_ * unit_;
  const auto anneal = span_steps(phase_->anneal, horizon, "averaging.anneal");
  anneal_ = static_cast<double>(anneal) / static_cast<double>(unit_);
}

double PhasedRate::at(std::int64_t step) const {
  if (!phase_ || step < start_) return schedule_.at(step);
  constexpr double kPi = 3.14159265358979323846;
  const auto passed = static_cast<double>((step - start_) / unit_);
  const double t = anneal_ > 0 ? std::min(1.0, passed / anneal_) : 1;
  const double share = phase_->cosine ? (1 - std::cos(kPi * t)) / 2 : t;
  return phase_->lr * share + schedule_.at(start_) * (1 - share);
}

}  // namespace mlrun::optim
