#include "data/sources/boxed/instance_values.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"

namespace mlrun::data {
namespace {

/// What was seen of one thing, walking down the columns.
struct Trace {
  std::int64_t left = 0, right = 0, top = 0, bottom = 0;  // right and bottom are the first beyond it
  std::vector<std::int64_t> changes;                      // where its mask begins and ends, in turn

  void begin(std::int64_t place, std::int64_t height) {
    if (changes.empty()) left = place / height, top = height;
    changes.push_back(place);
  }
  void end(std::int64_t place, std::int64_t height) {
    const std::int64_t first = changes.back(), last = place - 1;
    const bool one_column = first / height == last / height;
    top = one_column ? std::min(top, first % height) : 0;
    bottom = one_column ? std::max(bottom, last % height + 1) : height;
    right = last / height + 1;
    changes.push_back(place);
  }
};

BoxedObject object_of(const Trace& trace, std::int64_t height, std::int64_t width) {
  BoxedObject object;
  object.box = {static_cast<double>(trace.left), static_cast<double>(trace.top), static_cast<double>(trace.right),
                static_cast<double>(trace.bottom)};
  object.runs = {height, width, {}};
  std::int64_t last = 0;
  for (const std::int64_t place : trace.changes) {
    object.runs.counts.push_back(static_cast<std::uint32_t>(place - last));
    last = place;
  }
  if (last < height * width) object.runs.counts.push_back(static_cast<std::uint32_t>(height * width - last));
  object.area = static_cast<double>(object.runs.area());
  return object;
}

}  // namespace

std::vector<BoxedObject> things_of_values(const torch::Tensor& values) {
  MLRUN_ASSERT(values.dim() == 2 && values.scalar_type() == torch::kInt && values.numel() < kMostRunPixels,
               "a mask is int32 [H, W]");
  const torch::Tensor plain = values.contiguous();
  const auto* pixels = plain.data_ptr<std::int32_t>();
  const std::int64_t height = values.size(0), width = values.size(1);
  std::map<std::int32_t, Trace> traces;
  std::int32_t value = 0;
  for (std::int64_t place = 0; place < height * width; ++place) {
    const std::int32_t here = pixels[place % height * width + place / height];
    if (here == value) continue;
    if (value != 0) traces[value].end(place, height);
    if (here != 0) traces[here].begin(place, height);
    value = here;
  }
  if (value != 0) traces[value].end(height * width, height);
  std::vector<BoxedObject> objects;
  for (const auto& [number, trace] : traces) {
    objects.push_back(object_of(trace, height, width));
    objects.back().shape = number;
  }
  return objects;
}

}  // namespace mlrun::data
