#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>

#include "models/parity.h"

#include "base/files.h"
#include "support.h"

namespace mlrun::test {

namespace {

constexpr int64_t kPeriod = 1009;  // of the formula

}  // namespace

torch::Tensor formula(std::vector<int64_t> shape) {
  const int64_t count = c10::multiply_integers(shape);
  const auto steps = torch::arange(count, torch::kLong).mul(7919).remainder(kPeriod);
  return steps.to(torch::kDouble).div(kPeriod).sub(0.5).view(shape);
}

double projection(const torch::Tensor& tensor) {
  // Summed period by period: the largest tensors have 10^8 elements.
  const auto flat = tensor.detach().flatten();
  const int64_t whole = flat.numel() / kPeriod * kPeriod;
  auto sums = flat.slice(0, 0, whole).view({-1, kPeriod}).sum(0, /*keepdim=*/false, torch::kDouble);
  sums.slice(0, 0, flat.numel() - whole).add_(flat.slice(0, whole).to(torch::kDouble));
  return sums.dot(formula({kPeriod})).item<double>();
}

std::string digest(const torch::Tensor& tensor) {
  const auto flat = tensor.detach().contiguous();
  return sha256(flat.data_ptr(), flat.nbytes());
}

std::string digest(const State& state) {
  std::string bytes;
  for (const auto& [key, tensor] : state) {
    const auto flat = tensor.detach().contiguous();
    bytes.append(static_cast<const char*>(flat.data_ptr()), flat.nbytes());
  }
  return sha256(bytes.data(), bytes.size());
}

std::shared_ptr<nn::Layer> make_model(const std::string& name, const Json& options,
                                      const models::ModelRequest& request) {
  config::Component component = models::models().defaults(name);
  const config::Spec& spec = *models::models().at(name).options;
  for (const auto& [key, value] : options.items()) {
    INFO(name + " " + key);
    REQUIRE(spec.find(key));
    spec.find(key)->set(component.options.get(), value);
  }
  return models::models().make(component, request);
}

void stir(nn::Layer& model, const Json& expected) {
  if (!expected.value("stir", false)) return;
  torch::NoGradGuard no_grad;
  torch::manual_seed(7);
  for (auto& parameter : model.parameters()) parameter.add_(torch::empty_like(parameter).normal_(0, 0.02));
}

void widen(nn::Layer& model) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model.parameters()) parameter.set_data(parameter.to(torch::kDouble));
  for (auto& buffer : model.buffers()) {
    if (buffer.is_floating_point()) buffer.set_data(buffer.to(torch::kDouble));
  }
}

std::string described(const State& state) {
  std::string text;
  for (const auto& [key, tensor] : state) {
    text += key + ' ';
    for (int64_t i = 0; i < tensor.dim(); ++i) text += (i ? "," : "") + std::to_string(tensor.size(i));
    text += tensor.scalar_type() == torch::kLong ? " int64\n" : " float32\n";
  }
  return text;
}

int64_t count_parameters(const nn::Layer& model) {
  int64_t count = 0;
  for (const auto& tensor : model.parameters()) count += tensor.numel();
  return count;
}

void check_logits(const torch::Tensor& logits, const Json& expected) {
  const double tolerance = 1e-5 * expected.at("largest").get<double>();
  CHECK(std::abs(logits.abs().max().item<double>() - expected.at("largest").get<double>()) <= tolerance);
  for (int64_t row = 0; row < logits.size(0); ++row) {
    const auto first = expected.at("logits")[static_cast<std::size_t>(row)].get<std::vector<double>>();
    for (std::size_t i = 0; i < first.size(); ++i) {
      INFO("image " << row << ", class " << i);
      CHECK(std::abs(logits[row][static_cast<int64_t>(i)].item<double>() - first[i]) <= tolerance);
    }
  }
  const double spread = tolerance * std::sqrt(static_cast<double>(logits.numel()));
  CHECK(std::abs(projection(logits) - expected.at("projection").get<double>()) <= spread);
}

}  // namespace mlrun::test
