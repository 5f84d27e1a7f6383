#include "data/boxes/mask_runs.h"

#include <torch/utils.h>

#include "base/error.h"

namespace mlrun::data {
namespace {

/// Writes down where a mask changes.
class RunWriter {
 public:
  RunWriter(std::int64_t height, std::int64_t width) : runs_{height, width, {}} {}

  bool set() const { return runs_.counts.size() % 2 == 1; }
  void change(std::int64_t place) {
    runs_.counts.push_back(static_cast<std::uint32_t>(place - last_));
    last_ = place;
  }
  RunLengths take() {
    const std::int64_t end = runs_.height * runs_.width;
    if (last_ < end || runs_.counts.empty()) change(end);
    return std::move(runs_);
  }

 private:
  RunLengths runs_;
  std::int64_t last_ = 0;
};

}  // namespace

RunLengths part_runs(const torch::Tensor& part, std::int64_t top, std::int64_t left, std::int64_t height,
                     std::int64_t width) {
  MLRUN_ASSERT(part.dim() == 2 && top >= 0 && left >= 0 && top + part.size(0) <= height &&
                   left + part.size(1) <= width && height * width < kMostRunPixels,
               "a part of a mask lies within it");
  const torch::Tensor plain = part.to(torch::kCPU, torch::kByte).contiguous();
  const auto* pixels = plain.data_ptr<std::uint8_t>();
  const std::int64_t rows = part.size(0), columns = part.size(1);
  const bool whole = rows == height;  // a run may go on in the next column
  RunWriter writer(height, width);
  for (std::int64_t x = 0; x < columns; ++x) {
    const std::int64_t first = (left + x) * height + top;
    for (std::int64_t y = 0; y < rows; ++y) {
      if ((pixels[y * columns + x] != 0) != writer.set()) writer.change(first + y);
    }
    if (writer.set() && (!whole || x + 1 == columns)) writer.change(first + rows);
  }
  return writer.take();
}

std::vector<RunLengths> runs_of_masks(const torch::Tensor& masks) {
  std::vector<RunLengths> runs;
  for (std::int64_t i = 0; i < masks.size(0); ++i) {
    runs.push_back(part_runs(masks[i], 0, 0, masks.size(1), masks.size(2)));
  }
  return runs;
}

torch::Tensor packed_runs(const std::vector<RunLengths>& masks) {
  std::vector<std::int64_t> numbers;
  for (const RunLengths& mask : masks) {
    numbers.insert(numbers.end(), {mask.height, mask.width, static_cast<std::int64_t>(mask.counts.size())});
    numbers.insert(numbers.end(), mask.counts.begin(), mask.counts.end());
  }
  return torch::tensor(numbers, torch::kLong);
}

std::vector<RunLengths> unpacked_runs(const torch::Tensor& packed) {
  const torch::Tensor plain = packed.to(torch::kCPU, torch::kLong).contiguous();
  const auto* numbers = plain.data_ptr<std::int64_t>();
  std::vector<RunLengths> masks;
  for (std::int64_t at = 0; at < plain.numel();) {
    MLRUN_ASSERT(at + 3 <= plain.numel() && at + 3 + numbers[at + 2] <= plain.numel(), "runs of masks are cut off");
    RunLengths mask{numbers[at], numbers[at + 1], {}};
    const std::int64_t end = at + 3 + numbers[at + 2];
    for (at += 3; at < end; ++at) mask.counts.push_back(static_cast<std::uint32_t>(numbers[at]));
    masks.push_back(std::move(mask));
  }
  return masks;
}

}  // namespace mlrun::data
