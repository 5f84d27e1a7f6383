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

void Hands::begin(double lr, std::int64_t samples, std::int64_t step_samples, std::int64_t number, bool last) {
  lr_ = lr;
  last_ = last;
  samples_ = samples;
  if (number == 0) {
    loss_ = grad_norm_ = 0;
    seen_ = 0;
    skipped_ = counted_ = false;
    loss_units_.begin(step_samples);
    for (const auto& item : optimizers_) units_[item.second.get()].begin(step_samples);
  }
  seen_ += samples;
}

void Hands::end_without_samples() {
  // In the order of their names: an address would be another one in the next process.
  for (const auto& item : optimizers_) {
    if (waiting_.count(item.second.get()) > 0) update(*item.second);
  }
}

void Hands::end_step() {
  if (scaler_ == nullptr) return;
  skipped_ = scaler_->overflowed() && !scaler_->exhausted();
  scaler_->update();
}

double Hands::loss() const {
  if (!counted_) return std::nan("");
  return last_ && loss_units_.sum() > 0 ? loss_ * loss_units_.correction() : loss_;
}

data::Fields Hands::run(const std::string& model, const data::Fields& inputs) {
  nn::Layer& layer = model_named(models_, model);
  return compute_ == nullptr ? run_model(layer, inputs) : compute_->run(layer, inputs);
}

void Hands::minimise(const std::string& model, const torch::Tensor& loss, double units) {
  optim::Optimizer& optimizer = *optimizers_.at(model);
  if (units > 0) add_gradients(optimizer, loss, units);
  if (last_ && waiting_.count(&optimizer) > 0) update(optimizer);
}

void Hands::add_gradients(optim::Optimizer& optimizer, const torch::Tensor& loss, double units) {
  counted_ = true;
  waiting_.insert(&optimizer);
  const double share = units_.at(&optimizer).add(units, samples_);
  const double factor = scaler_ == nullptr ? share : share * scaler_->scale();
  const torch::Tensor scaled = factor == 1 ? loss : loss * factor;
  if (optimizers_.size() == 1) {
    scaled.backward();
  } else {
    std::vector<torch::Tensor> own;
    for (const auto& parameter : optimizer.parameters()) own.push_back(parameter.second);
    if (own.empty()) return;  // all of the model's are frozen
    scaled.backward({}, /*retain_graph=*/true, /*create_graph=*/false, own);
  }
}

void Hands::update(optim::Optimizer& optimizer) {
  const optim::NamedTensors& parameters = optimizer.parameters();
  waiting_.erase(&optimizer);
  if (scaler_ != nullptr) scaler_->unscale(parameters);
  if (const double factor = units_.at(&optimizer).correction(); factor != 1) {
    for (const auto& parameter : parameters) {
      if (parameter.second.grad().defined()) parameter.second.mutable_grad().mul_(factor);
    }
  }
  const double norm = clipping_.apply(parameters);
  grad_norm_ = std::hypot(grad_norm_, norm);
  if (std::isfinite(norm)) optimizer.step(lr_);
  else if (scaler_ != nullptr) scaler_->overflow();
  optimizer.zero_grad();
}

void Hands::log(const report::Figure& figure, double units) {
  if (units <= 0) return;
  figures_.add(figure, units);
  if (figure.name != "loss") return;
  counted_ = true;
  loss_ += figure.value * loss_units_.add(units, samples_);
}

}  // namespace mlrun::engine
