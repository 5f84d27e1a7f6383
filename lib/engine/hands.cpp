#include "engine/hands.h"

#include <torch/torch.h>

#include "base/error.h"
#include "optim/clip.h"

namespace mlrun::engine {

void RunningFigures::add(const std::string& name, double value, std::int64_t weight) {
  for (auto& item : sums_) {
    if (item.name != name) continue;
    item.sum += value * static_cast<double>(weight);
    item.weight += weight;
    return;
  }
  sums_.push_back({name, value * static_cast<double>(weight), weight});
}

metrics::Figures RunningFigures::means() const {
  metrics::Figures means;
  for (const auto& item : sums_) means.emplace_back(item.name, item.sum / static_cast<double>(item.weight));
  return means;
}

void RunningFigures::save(data::State& state, const std::string& prefix) const {
  Json list = Json::array();
  for (const auto& item : sums_) list.push_back({{"name", item.name}, {"sum", item.sum}, {"weight", item.weight}});
  state.put(prefix + "sums", std::move(list));
}

void RunningFigures::load(const data::State& state, const std::string& prefix) {
  sums_.clear();
  for (const auto& item : state.value(prefix + "sums")) {
    sums_.push_back(
        {item.at("name").get<std::string>(), item.at("sum").get<double>(), item.at("weight").get<std::int64_t>()});
  }
}

void Hands::begin(double lr, std::int64_t samples, std::int64_t step_samples, std::int64_t number, bool last) {
  lr_ = lr;
  share_ = static_cast<double>(samples) / static_cast<double>(step_samples);
  last_ = last;
  if (number == 0) loss_ = 0;
}

torch::Tensor Hands::run(const std::string& model, const torch::Tensor& input) {
  for (const auto& [name, layer] : models_) {
    if (name == model) return (*layer)(input);
  }
  throw InternalError(__FILE__, __LINE__, "the task has no model '" + model + "'");
}

void Hands::minimise(const std::string& model, const torch::Tensor& loss) {
  optim::Optimizer& optimizer = *optimizers_.at(model);
  const torch::Tensor scaled = share_ == 1 ? loss : loss * share_;
  if (optimizers_.size() == 1) {
    scaled.backward();
  } else {
    std::vector<torch::Tensor> own;
    for (const auto& parameter : optimizer.parameters()) own.push_back(parameter.second);
    scaled.backward({}, /*retain_graph=*/true, /*create_graph=*/false, own);
  }
  if (last_) update(optimizer);
}

void Hands::update(optim::Optimizer& optimizer) {
  if (clip_grad_norm_) optim::clip_grad_norm(optimizer.parameters(), *clip_grad_norm_);
  optimizer.step(lr_);
  optimizer.zero_grad();
}

void Hands::log(const std::string& name, const torch::Tensor& value, std::int64_t weight) {
  const double number = value.item<double>();
  figures_.add(name, number, weight);
  if (name == "loss") loss_ += number * share_;
}

}  // namespace mlrun::engine
