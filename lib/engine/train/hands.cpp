#include "engine/train/hands.h"

#include <cmath>

#include <torch/types.h>

#include "base/error.h"
#include "engine/ports.h"
#include "engine/run/recorded_figures.h"

namespace mlrun::engine {

void RunningFigures::add(const report::Figure& figure, double weight) {
  if (weight <= 0) return;
  for (auto& item : sums_) {
    if (item.figure.name != figure.name) continue;
    item.sum += figure.value * weight;
    item.weight += weight;
    return;
  }
  sums_.push_back({figure, figure.value * weight, weight});
}

metrics::Figures RunningFigures::means() const {
  metrics::Figures means;
  for (const auto& item : sums_) {
    means.push_back(item.figure);
    means.back().value = item.sum / item.weight;
  }
  return means;
}

void RunningFigures::save(data::State& state, const std::string& prefix) const {
  Json list = Json::array();
  for (const auto& item : sums_) {
    list.push_back(
        {{"name", item.figure.name}, {"sum", item.sum}, {"weight", item.weight}, {"kind", kind_json(item.figure)}});
  }
  state.put(prefix + "sums", std::move(list));
}

void RunningFigures::load(const data::State& state, const std::string& prefix) {
  sums_.clear();
  for (const auto& item : state.value(prefix + "sums")) {
    const auto figure = recorded_figure(item.at("name").get<std::string>(), 0, item.value("kind", Json()));
    sums_.push_back({figure, item.at("sum").get<double>(), item.at("weight").get<double>()});
  }
}

double UnitShares::add(double units, std::int64_t samples) {
  const auto came = static_cast<double>(samples), planned = static_cast<double>(samples_);
  if (sum_ == 0) expected_ = units == came ? planned : units * (planned / came);
  sum_ += units;
  return units / expected_;
}

Hands::Hands(const Models& models, Optimizers& optimizers, const optim::Clipping& clipping)
    : models_(models), clipping_(clipping) {
  for (const auto& [name, optimizer] : optimizers) sides_[name].optimizer = optimizer.get();
}

void Hands::compute_with(Compute& compute) {
  compute_ = &compute;
  for (auto& [name, side] : sides_) side.scaler = compute.scaler(name);
}

void Hands::enter(std::size_t number, const std::string& name) {
  phase_number_ = number;
  phase_ = name;
}

void Hands::begin(double lr, std::int64_t samples, std::int64_t step_samples, std::int64_t number, bool last) {
  for (auto& item : sides_) item.second.lr = lr;
  begin(samples, step_samples, number, last);
}

void Hands::begin(std::int64_t samples, std::int64_t step_samples, std::int64_t number, bool last) {
  last_ = last;
  samples_ = samples;
  if (number == 0 && phase_number_ == 0) {
    grad_norm_ = 0;
    seen_ = 0;
    skipped_ = counted_ = false;
    unsound_ = false;
  }
  for (auto& item : sides_) {
    Side& side = item.second;
    side.minimised = false;
    if (number != 0) continue;
    if (phase_number_ == 0) {
      side.before = 0;
      side.phases = 0;
    } else if (side.units.sum() > 0) {
      side.before += side.mean_loss(true);
      ++side.phases;
    }
    side.loss = 0;
    side.updated = false;
    side.units.begin(step_samples);
  }
  if (phase_number_ == 0) seen_ += samples;
}

void Hands::end_without_samples() {
  for (auto& item : sides_) {
    if (item.second.waiting || in_company()) update(item.second);
  }
}

void Hands::end_phase() {
  for (auto& item : sides_) {
    Side& side = item.second;
    if (side.scaler == nullptr || !side.updated) continue;
    const bool to_blame = !side.scaler->exhausted();
    if (side.scaler->overflowed()) (to_blame ? skipped_ : unsound_) = true;
    side.scaler->update();
  }
}

double Hands::Side::mean_loss(bool last) const { return last ? loss * units.correction() : loss; }

double Hands::loss() const {
  if (!counted_) return std::nan("");
  double sum = 0;
  for (const auto& item : sides_) {
    const Side& side = item.second;
    const bool present = side.units.sum() > 0;
    const double all = present ? side.before + side.mean_loss(last_) : side.before;
    const int phases = side.phases + (present ? 1 : 0);
    if (phases > 0) sum += phases == 1 ? all : all / phases;
  }
  return sum;
}

ByModel Hands::losses() const {
  ByModel losses;
  for (const auto& [name, side] : sides_) {
    const bool present = side.units.sum() > 0;
    const int phases = side.phases + (present ? 1 : 0);
    if (phases > 0) losses.emplace_back(name, (side.before + (present ? side.mean_loss(last_) : 0)) / phases);
  }
  if (losses.size() < 2) losses.clear();
  return losses;
}

const std::string* Hands::diverged() const {
  for (const auto& [name, side] : sides_) {
    if (!std::isfinite(side.loss) || !std::isfinite(side.before)) return &name;
  }
  return nullptr;
}

data::Fields Hands::run(const std::string& model, const data::Fields& inputs) {
  nn::Layer& layer = model_named(models_, model);
  return compute_ == nullptr ? run_model(layer, inputs) : compute_->run(layer, inputs);
}

void Hands::minimise(const std::string& model, const torch::Tensor& loss, double units) {
  Side& side = sides_.at(model);
  MLRUN_ASSERT(!side.minimised, "the task minimises two losses of the model '" + model +
                                    "' in one phase; add them, or let it have a phase for each");
  side.minimised = true;
  if (units > 0) add_gradients(side, loss, units);
  if (last_ && (side.waiting || in_company())) update(side);
}

void Hands::add_gradients(Side& side, const torch::Tensor& loss, double units) {
  counted_ = true;
  side.waiting = true;
  const double share = side.units.add(units, samples_);
  const double factor = side.scaler == nullptr ? share : share * side.scaler->scale();
  const torch::Tensor scaled = factor == 1 ? loss : loss * factor;
  if (sides_.size() == 1) {
    scaled.backward();
  } else {
    std::vector<torch::Tensor> own;
    for (const auto& parameter : side.optimizer->parameters()) own.push_back(parameter.second);
    // All of a frozen model's are left out.
    if (!own.empty()) scaled.backward({}, /*retain_graph=*/true, /*create_graph=*/false, own);
  }
  side.loss += loss.item<double>() * share;
}

/// Turns the gradients of the parts, each weighed as it came, into the mean over the units of all parts.
void Hands::make_mean(const Side& side) {
  const double factor = side.units.correction();
  if (factor == 1) return;
  for (const auto& parameter : side.optimizer->parameters()) {
    if (parameter.second.grad().defined()) parameter.second.mutable_grad().mul_(factor);
  }
}

/// The same where other ranks have parts, too; false where none of them has any.
bool Hands::make_common_mean(const Side& side) {
  std::vector<torch::Tensor> gradients;
  for (const auto& parameter : side.optimizer->parameters()) {
    torch::Tensor& gradient = parameter.second.mutable_grad();
    if (gradient.defined()) gradient.mul_(side.units.expected());
    else gradient = torch::zeros_like(parameter.second);
    gradients.push_back(gradient);
  }
  const torch::Tensor units = torch::tensor({side.units.sum()}, torch::kDouble);
  gradients.push_back(units);
  group_->sum(gradients);
  gradients.pop_back();
  const double all = units.item<double>();
  for (auto& gradient : gradients) gradient.mul_(all > 0 ? 1 / all : 0);
  return all > 0;
}

void Hands::update(Side& side) {
  const optim::NamedTensors& parameters = side.optimizer->parameters();
  side.waiting = false;
  side.updated = true;
  if (side.scaler != nullptr) side.scaler->unscale(parameters);
  if (!in_company()) make_mean(side);
  else if (!make_common_mean(side)) return side.optimizer->zero_grad();
  const double norm = clipping_.apply(parameters);
  grad_norm_ = std::hypot(grad_norm_, norm);
  if (std::isfinite(norm)) side.optimizer->step(side.lr);
  else if (side.scaler != nullptr) side.scaler->overflow();
  else unsound_ = true;
  side.optimizer->zero_grad();
}

void Hands::log(const report::Figure& figure, double units) {
  if (units > 0) figures_.add(figure, units);
}

void Hands::feedback(const data::Fields& learnt) {
  if (feed_ != nullptr) feed_->feedback(learnt);
}

}  // namespace mlrun::engine
