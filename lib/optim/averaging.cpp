#include "optim/averaging.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/random.h"

namespace mlrun::optim {
namespace {

bool averaged(const torch::Tensor& tensor) { return tensor.is_floating_point(); }

/// Batch norm's statistics are made anew for every draw: noise on them would mean nothing.
bool varies(const std::pair<std::string, torch::Tensor>& item) {
  return averaged(item.second) && !is_norm_statistic(item.first);
}

/// The set that an average begins with, `convert` applied to what is averaged.
template <class Convert>
NamedTensors begin_with(const NamedTensors& weights, Convert convert) {
  NamedTensors copy;
  for (const auto& [name, tensor] : weights) {
    const torch::Tensor dense = tensor.detach().to(torch::kCPU);
    copy.emplace_back(name, averaged(tensor) ? convert(dense) : dense.clone());
  }
  return copy;
}

std::vector<torch::ScalarType> dtypes_of(const NamedTensors& weights) {
  std::vector<torch::ScalarType> dtypes;
  for (const auto& item : weights) dtypes.push_back(item.second.scalar_type());
  return dtypes;
}

void check_same(const NamedTensors& kept, const NamedTensors& weights) {
  MLRUN_ASSERT(kept.size() == weights.size(), "all sets of an average have the same weights");
  for (std::size_t i = 0; i < kept.size(); ++i) {
    MLRUN_ASSERT(kept[i].first == weights[i].first && kept[i].second.sizes() == weights[i].second.sizes(),
                 "all sets of an average have the same weights: " + weights[i].first);
  }
}

void save_set(data::State& state, const std::string& prefix, const NamedTensors& set) {
  Json names = Json::array();
  for (const auto& [name, tensor] : set) {
    names.push_back(name);
    state.put(prefix + name, tensor);
  }
  state.put(prefix + "names", std::move(names));
}

NamedTensors load_set(const data::State& state, const std::string& prefix) {
  NamedTensors set;
  for (const auto& name : state.value(prefix + "names")) {
    const auto text = name.get<std::string>();
    set.emplace_back(text, state.tensor(prefix + text).clone());
  }
  return set;
}

void save_dtypes(data::State& state, const std::string& prefix, const std::vector<torch::ScalarType>& dtypes) {
  Json codes = Json::array();
  for (const auto dtype : dtypes) codes.push_back(static_cast<int>(dtype));
  state.put(prefix + "dtypes", std::move(codes));
}

std::vector<torch::ScalarType> load_dtypes(const data::State& state, const std::string& prefix) {
  std::vector<torch::ScalarType> dtypes;
  for (const auto& code : state.value(prefix + "dtypes")) {
    dtypes.push_back(static_cast<torch::ScalarType>(code.get<int>()));
  }
  return dtypes;
}

NamedTensors with_dtypes(const NamedTensors& set, const std::vector<torch::ScalarType>& dtypes) {
  NamedTensors converted;
  for (std::size_t i = 0; i < set.size(); ++i) converted.emplace_back(set[i].first, set[i].second.to(dtypes[i]));
  return converted;
}

torch::Tensor sum_like(const torch::Tensor& tensor) {
  return torch::zeros_like(tensor, tensor.options().dtype(torch::kFloat64));
}

/// sum += share x newest, in pieces where that is possible: LibTorch makes a float64 copy of what it adds.
void add_to(torch::Tensor& sum, const torch::Tensor& newest, double share) {
  constexpr std::int64_t kPiece = 1 << 18;
  if (!sum.is_contiguous() || !newest.is_contiguous()) {
    sum.add_(newest.to(torch::kFloat64), share);
    return;
  }
  const torch::Tensor all = sum.view(-1), given = newest.view(-1);
  for (std::int64_t begin = 0; begin < all.numel(); begin += kPiece) {
    const std::int64_t size = std::min(kPiece, all.numel() - begin);
    all.narrow(0, begin, size).add_(given.narrow(0, begin, size).to(torch::kFloat64), share);
  }
}

NamedTensors squares_of(const NamedTensors& weights) {
  return begin_with(weights, [](const torch::Tensor& tensor) { return tensor.to(torch::kFloat64).square(); });
}

}  // namespace

bool is_norm_statistic(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  return last == "running_mean" || last == "running_var" || last == "num_batches_tracked";
}

void EqualAverage::add(NamedTensors weights, double share) {
  const torch::NoGradGuard no_grad;
  const bool first = count_ == 0;
  if (first) dtypes_ = dtypes_of(weights);
  else check_same(sums_, weights);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const torch::Tensor newest = std::exchange(weights[i].second, {}).detach().to(torch::kCPU);
    if (first) sums_.emplace_back(weights[i].first, averaged(newest) ? sum_like(newest) : newest.clone());
    if (averaged(newest)) add_to(sums_[i].second, newest, share);
    else sums_[i].second.copy_(newest);
  }
  ++count_;
  total_ += share;
}

NamedTensors EqualAverage::exact_mean() const {
  MLRUN_ASSERT(count_ > 0, "an average of nothing");
  NamedTensors means;
  for (const auto& [name, sum] : sums_) means.emplace_back(name, averaged(sum) ? sum.div(total_) : sum.clone());
  return means;
}

NamedTensors EqualAverage::mean() const {
  MLRUN_ASSERT(count_ > 0, "an average of nothing");
  NamedTensors means;  // one by one: a whole set in float64 more would double the memory
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const auto& [name, sum] = sums_[i];
    means.emplace_back(name, averaged(sum) ? sum.div(total_).to(dtypes_[i]) : sum.clone());
  }
  return means;
}

NamedTensors EqualAverage::release_mean() {
  MLRUN_ASSERT(count_ > 0, "an average of nothing");
  NamedTensors means;
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    auto& [name, sum] = sums_[i];
    means.emplace_back(name, averaged(sum) ? sum.div_(total_).to(dtypes_[i]) : sum);
    sum = torch::Tensor();
  }
  *this = EqualAverage();
  return means;
}

void EqualAverage::save(data::State& state, const std::string& prefix) const {
  state.put(prefix + "count", Json(count_));
  state.put(prefix + "total", Json(total_));
  save_set(state, prefix + "sums.", sums_);
  save_dtypes(state, prefix, dtypes_);
}

void EqualAverage::load(const data::State& state, const std::string& prefix) {
  count_ = state.value(prefix + "count").get<std::int64_t>();
  total_ = state.value(prefix + "total").get<double>();
  sums_ = load_set(state, prefix + "sums.");
  dtypes_ = load_dtypes(state, prefix);
}

double ExponentialAverage::decay() const {
  constexpr double kPower = 2.0 / 3;
  return warmup_ ? std::min(decay_, 1 - std::pow(1 + static_cast<double>(count_), -kPower)) : decay_;
}

void ExponentialAverage::add(const NamedTensors& weights) {
  const torch::NoGradGuard no_grad;
  if (count_ == 0) {
    averages_ = begin_with(weights, [](const torch::Tensor& tensor) {
      return tensor.to(tensor.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat, false, /*copy=*/true);
    });
    dtypes_ = dtypes_of(weights);
  } else {
    check_same(averages_, weights);
    const double kept = decay();
    for (std::size_t i = 0; i < averages_.size(); ++i) {
      const torch::Tensor newest = weights[i].second.detach().to(torch::kCPU);
      if (averaged(newest)) averages_[i].second.mul_(kept).add_(newest.to(averages_[i].second.scalar_type()), 1 - kept);
      else averages_[i].second.copy_(newest);
    }
  }
  ++count_;
}

NamedTensors ExponentialAverage::mean() const {
  MLRUN_ASSERT(count_ > 0, "an average of nothing");
  return with_dtypes(averages_, dtypes_);
}

void ExponentialAverage::save(data::State& state, const std::string& prefix) const {
  state.put(prefix + "count", Json(count_));
  save_set(state, prefix + "averages.", averages_);
  save_dtypes(state, prefix, dtypes_);
}

void ExponentialAverage::load(const data::State& state, const std::string& prefix) {
  count_ = state.value(prefix + "count").get<std::int64_t>();
  averages_ = load_set(state, prefix + "averages.");
  dtypes_ = load_dtypes(state, prefix);
}

void GaussianAverage::add(const NamedTensors& weights) {
  const torch::NoGradGuard no_grad;
  mean_.add(weights);
  squares_.add(squares_of(weights));
  const NamedTensors mean = mean_.exact_mean();
  NamedTensors deviation;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (varies(weights[i])) {
      const torch::Tensor newest = weights[i].second.detach().to(torch::kCPU);
      deviation.emplace_back(mean[i].first, newest.to(torch::kFloat64).sub(mean[i].second).to(torch::kFloat));
    }
  }
  if (static_cast<std::int64_t>(deviations_.size()) == rank_) deviations_.erase(deviations_.begin());
  deviations_.push_back(std::move(deviation));
}

NamedTensors GaussianAverage::variance() const {
  const NamedTensors squares = squares_.exact_mean(), mean = mean_.exact_mean();
  NamedTensors variances;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    if (!varies(mean[i])) continue;
    variances.emplace_back(mean[i].first, squares[i].second.sub(mean[i].second.square()).clamp_min(0));
  }
  return variances;
}

NamedTensors GaussianAverage::sample(std::uint64_t seed, std::int64_t draw, double scale) const {
  MLRUN_ASSERT(deviations_.size() > 1, "a posterior needs at least two sets of weights");
  const torch::NoGradGuard no_grad;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(
      KeyedRandom(seed, "posterior", static_cast<std::uint64_t>(draw), 0).bits64());
  const auto noise = [&](at::IntArrayRef sizes) { return torch::randn(sizes, generator, torch::kFloat64); };
  const auto kept = static_cast<std::int64_t>(deviations_.size());
  const torch::Tensor z2 = noise({kept}) / std::sqrt(static_cast<double>(kept - 1));
  const NamedTensors exact = mean_.exact_mean(), variances = variance();
  NamedTensors drawn = mean();
  std::size_t at = 0;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    if (!varies(drawn[i])) continue;
    torch::Tensor step = variances[at].second.sqrt().mul_(noise(drawn[i].second.sizes()));
    for (std::size_t k = 0; k < deviations_.size(); ++k) {
      step.add_(deviations_[k][at].second.to(torch::kFloat64), z2[static_cast<std::int64_t>(k)].item<double>());
    }
    drawn[i].second = exact[i].second.add(step, std::sqrt(scale)).to(drawn[i].second.scalar_type());
    ++at;
  }
  return drawn;
}

void GaussianAverage::save(data::State& state, const std::string& prefix) const {
  mean_.save(state, prefix + "mean.");
  squares_.save(state, prefix + "squares.");
  state.put(prefix + "deviations", Json(deviations_.size()));
  for (std::size_t k = 0; k < deviations_.size(); ++k) {
    save_set(state, prefix + "deviation." + std::to_string(k) + ".", deviations_[k]);
  }
}

void GaussianAverage::load(const data::State& state, const std::string& prefix) {
  mean_.load(state, prefix + "mean.");
  squares_.load(state, prefix + "squares.");
  deviations_.clear();
  const auto kept = state.value(prefix + "deviations").get<std::size_t>();
  for (std::size_t k = 0; k < kept; ++k) {
    deviations_.push_back(load_set(state, prefix + "deviation." + std::to_string(k) + "."));
  }
}

}  // namespace mlrun::optim
