#include "optim/slots.h"

#include <algorithm>
#include <sstream>

#include <ATen/TensorIterator.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"

namespace mlrun::optim {
namespace {

std::string described(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.scalar_type() << ' ' << tensor.sizes();
  return text.str();
}

/// The saved count of updates of `parameter`.
std::int64_t saved_updates(const Json& counts, const std::string& name, const std::string& parameter) {
  const auto found = counts.find(parameter);
  const bool valid = found != counts.end() && found->is_number_integer() && found->get<std::int64_t>() >= 0;
  if (!valid) {
    throw UserError("the saved state '" + name + "' has no count for the parameter '" + parameter + "'",
                    "it was written for another model; start the run anew");
  }
  return found->get<std::int64_t>();
}

/// Whether equal indices lie at equal offsets; strides of dimensions of size 1 say nothing.
bool same_order(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.sizes() != b.sizes()) return false;
  for (std::int64_t d = 0; d < a.dim(); ++d) {
    if (a.size(d) > 1 && a.stride(d) != b.stride(d)) return false;
  }
  return true;
}

}  // namespace

SlotOptimizer::SlotOptimizer(Parameters parameters, std::vector<std::string> states)
    : Optimizer(std::move(parameters)), names_(std::move(states)), slots_(this->parameters().size()) {}

void SlotOptimizer::step(double lr) {
  const torch::NoGradGuard no_grad;
  std::vector<Job> jobs;
  std::vector<torch::Tensor> dense;  // made here: must outlive the jobs
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    torch::Tensor parameter = parameters()[i].second;
    torch::Tensor gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (gradient.layout() != torch::kStrided) dense.push_back(gradient = gradient.to_dense());
    Slot& slot = slots_[i];
    if (slot.updates == 0) open(slot, parameter);
    ++slot.updates;
    const Treatment& treatment = treatments()[i];
    const Rates rates{lr * treatment.lr_scale, treatment.weight_decay.value_or(weight_decay())};
    if (single_pass(parameter, gradient, slot)) {
      jobs.push_back({parameter.numel(), pass(parameter, gradient, slot, rates)});
      parameter.unsafeGetTensorImpl()->bump_version();  // tells autograd that it is written to
    } else {
      update(parameter, gradient, slot, rates);
    }
  }
  run_passes(jobs);
}

double SlotOptimizer::initial(std::size_t) const { return 0; }

void SlotOptimizer::open(Slot& slot, const torch::Tensor& parameter) const {
  slot.states.clear();
  for (std::size_t s = 0; s < names_.size(); ++s) slot.states.push_back(torch::full_like(parameter, initial(s)));
}

void SlotOptimizer::save(data::State& state, const std::string& prefix) const {
  Json updates = Json::object();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const std::string& parameter = parameters()[i].first;
    updates[parameter] = slots_[i].updates;
    for (std::size_t s = 0; s < slots_[i].states.size(); ++s) {
      state.put(prefix + names_[s] + "." + parameter, slots_[i].states[s]);
    }
  }
  state.put(prefix + "updates", std::move(updates));
}

void SlotOptimizer::load(const data::State& state, const std::string& prefix) {
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < slots_.size(); ++i) slots.push_back(load_slot(state, prefix, i));
  slots_ = std::move(slots);
}

Slot SlotOptimizer::load_slot(const data::State& state, const std::string& prefix, std::size_t index) const {
  const auto& [name, parameter] = parameters()[index];
  Slot slot;
  slot.updates = saved_updates(state.value(prefix + "updates"), prefix + "updates", name);
  if (slot.updates == 0) return slot;
  const torch::NoGradGuard no_grad;
  for (const auto& kind : names_) {
    const std::string key = prefix + kind + "." + name;
    const torch::Tensor saved = state.tensor(key);
    if (saved.sizes() != parameter.sizes() || saved.scalar_type() != parameter.scalar_type()) {
      throw UserError(
          "the saved state '" + key + "' is " + described(saved) + ", the parameter is " + described(parameter),
          "it was written for another model; start the run anew");
    }
    slot.states.push_back(torch::empty_like(parameter).copy_(saved));
  }
  return slot;
}

bool single_pass(const torch::Tensor& parameter, const torch::Tensor& gradient, const Slot& slot) {
  const auto type = parameter.scalar_type();
  if ((type != torch::kFloat32 && type != torch::kFloat64) || !parameter.is_non_overlapping_and_dense()) return false;
  const auto fits = [&](const torch::Tensor& tensor) {
    return tensor.is_cpu() && tensor.layout() == torch::kStrided && tensor.scalar_type() == type &&
           same_order(parameter, tensor);
  };
  if (!fits(parameter) || !fits(gradient)) return false;
  for (const auto& state : slot.states) {
    if (!fits(state)) return false;
  }
  return true;
}

void run_passes(const std::vector<Job>& jobs) {
  constexpr std::int64_t kGrain = 32768;
  std::vector<std::int64_t> begins{0};  // of each job, all elements counted through
  for (const auto& job : jobs) begins.push_back(begins.back() + job.size);
  const std::int64_t total = begins.back();
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    auto job = static_cast<std::size_t>(std::upper_bound(begins.begin(), begins.end(), begin) - begins.begin()) - 1;
    for (; job < jobs.size() && begins[job] < end; ++job) {
      const std::int64_t from = std::max(begin, begins[job]), to = std::min(end, begins[job + 1]);
      if (from < to) jobs[job].pass(from - begins[job], to - from);
    }
  };
  if (total <= kGrain) return run(0, total);
  // The iterator's loop lies inside LibTorch. at::parallel_for would be a template compiled here, and serial wherever
  // this file is compiled without LibTorch's own OpenMP. So each element of a small tensor stands for a grain.
  torch::Tensor grains = torch::empty({(total + kGrain - 1) / kGrain}, torch::kByte);
  const auto* start = static_cast<const char*>(grains.data_ptr());
  at::TensorIterator::nullary_op(grains).for_each(
      [&](char** data, const std::int64_t* strides, std::int64_t inner, std::int64_t outer) {
        for (std::int64_t i = 0; i < outer; ++i) {
          const std::int64_t first = data[0] + i * strides[1] - start;
          run(first * kGrain, std::min(total, (first + inner) * kGrain));
        }
      },
      /*grain_size=*/1);
}

}  // namespace mlrun::optim
