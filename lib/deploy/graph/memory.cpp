#include "deploy/graph/memory.h"

#include <algorithm>
#include <numeric>

namespace mlrun::deploy {
namespace {

bool meet(const BufferLife& a, const BufferLife& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace

ArenaPlan plan_arena(const std::vector<BufferLife>& buffers, std::size_t alignment) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  const auto end_of = [&](const ArenaPlan& plan, std::size_t i) {
    return plan.offsets[i] + (buffers[i].bytes + alignment - 1) / alignment * alignment;
  };
  ArenaPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t i : order) {
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (!meet(buffers[i], buffers[other])) continue;
      if (offset + buffers[i].bytes <= plan.offsets[other]) break;
      offset = std::max(offset, end_of(plan, other));
    }
    plan.offsets[i] = offset;
    plan.bytes = std::max(plan.bytes, end_of(plan, i));
    const auto above =
        std::find_if(placed.begin(), placed.end(), [&](std::size_t other) { return plan.offsets[other] > offset; });
    placed.insert(above, i);
  }
  return plan;
}

}  // namespace mlrun::deploy
