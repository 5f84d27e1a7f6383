#include "quant/packed_sizes.h"

#include <ATen/Parallel.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include "quant/kernels.h"

namespace mlrun::quant {
namespace {

constexpr std::size_t kSizes = 4;  // as many as a graph keeps programs

/// `x86` is oneDNN for some layers and FBGEMM, whose order is always the same, for others.
bool depends_on_size(const std::string& engine) { return engine == "onednn" || engine == "x86"; }

}  // namespace

PackedSizes::PackedSizes(const Int8Node& node, const nn::Layer& layer, const std::string& engine)
    : node_(node), layer_(layer), by_size_(depends_on_size(engine)) {}

const c10::IValue& PackedSizes::at(const torch::Tensor& input) {
  if (!traced_.isNone() && torch::jit::tracer::isTracing()) return traced_;
  const int threads = by_size_ ? at::get_num_threads() : 0;
  const auto sizes = by_size_ ? input.sizes() : c10::IntArrayRef();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->threads != threads || !sizes.equals(entry->sizes)) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->packed;
  }
  entries_.push_front({sizes.vec(), threads, packed_weight(node_, layer_)});
  if (entries_.size() > kSizes * static_cast<std::size_t>(node_.calls)) entries_.pop_back();
  return entries_.front().packed;
}

c10::IValue PackedSizes::fresh() { return traced_ = packed_weight(node_, layer_); }

}  // namespace mlrun::quant
