#include "weights/adopt.h"

#include <torch/types.h>
#include <torch/utils.h>

#include <unordered_map>

namespace mlrun::weights {
namespace {

constexpr std::uintptr_t kAdoptedAlignment = 16;

/// Whether `from` can stand for `to` in all that a model does with it.
bool can_adopt(const torch::Tensor& to, const torch::Tensor& from) {
  return to.device().is_cpu() && from.device().is_cpu() && to.scalar_type() == from.scalar_type() &&
         to.layout() == torch::kStrided && from.layout() == torch::kStrided && to.strides() == from.strides() &&
         from.is_non_overlapping_and_dense() && !from.is_conj() && !from.is_neg() && from.numel() > 0 &&
         reinterpret_cast<std::uintptr_t>(from.data_ptr()) % kAdoptedAlignment == 0;
}

}  // namespace

void adopt_tensors(const std::vector<std::pair<torch::Tensor, torch::Tensor>>& pairs) {
  const torch::NoGradGuard no_grad;
  std::unordered_map<const void*, int> users;
  for (const auto& item : pairs) ++users[item.second.storage().unsafeGetStorageImpl()];
  for (auto [to, from] : pairs) {
    const bool alone = users[from.storage().unsafeGetStorageImpl()] == 1;
    if (alone && can_adopt(to, from)) to.set_data(from.detach());
    else to.copy_(from);
  }
}

}  // namespace mlrun::weights
