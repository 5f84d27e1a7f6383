#include "recipes/classification/starter_look.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include <torch/types.h>

#include "base/error.h"
#include "base/threads.h"
#include "data/inspect.h"
#include "data/parallel_for.h"
#include "data/sources/detect_format.h"

namespace mlrun::classification {
namespace {

constexpr std::int64_t kMostDecoded = 400;

/// Sums over the images that are read whole, by several threads.
struct Decoded {
  std::mutex guard;
  std::int64_t readable = 0, unreadable = 0;
  std::int64_t first_unreadable = INT64_MAX;
  std::string example;
  double sum = 0, squares = 0, values = 0;

  void add(const torch::Tensor& image) {
    const torch::Tensor values_here = image.to(torch::kDouble) / 255;
    const double total = values_here.sum().item<double>(), square = values_here.square().sum().item<double>();
    const std::lock_guard<std::mutex> lock(guard);
    ++readable;
    sum += total;
    squares += square;
    values += static_cast<double>(image.numel());
  }

  void refuse(std::int64_t place, const std::string& why) {
    const std::lock_guard<std::mutex> lock(guard);
    ++unreadable;
    if (place > first_unreadable) return;
    first_unreadable = place;
    example = why;
  }
};

/// Reads up to kMostDecoded images, evenly spread over all splits.
void decode_some(const data::Dataset& dataset, DataLook& look) {
  std::vector<std::pair<std::shared_ptr<const data::Source>, std::int64_t>> samples;
  for (const auto& view : data::splits_of(dataset)) {
    for (std::int64_t i = 0; i < view.source->size(); ++i) samples.emplace_back(view.source, i);
  }
  const auto all = static_cast<std::int64_t>(samples.size());
  const std::int64_t count = std::min(all, kMostDecoded);
  Decoded decoded;
  data::parallel_for(count, available_processors(), [&](std::int64_t i) {
    const auto& [source, index] = samples[static_cast<std::size_t>(i * all / count)];
    try {
      decoded.add(source->get({index, 0, 0}).inputs.tensor("image"));
    } catch (const UserError& error) {
      decoded.refuse(i, error.what());
    }
  });
  look.decoded = count;
  look.unreadable = decoded.unreadable;
  look.unreadable_example = decoded.example;
  if (decoded.values == 0) throw UserError("no image can be read: " + decoded.example);
  look.mean = decoded.sum / decoded.values;
  look.deviation = std::sqrt(std::max(1e-4, decoded.squares / decoded.values - look.mean * look.mean));
}

/// Takes over what `mlrun data info` finds.
void take_findings(const Json& findings, DataLook& look) {
  const Json& samples = findings.at("samples");
  look.has_val = samples.contains("val");
  look.has_test = samples.contains("test");
  look.train = samples.value("train", std::int64_t{0});
  for (const auto& [split, count] : samples.items()) look.all += count.get<std::int64_t>();
  for (const auto& entry : findings.at("classes")) {
    look.classes.push_back(entry.at("name").get<std::string>());
    look.counts.push_back(entry.value("train", std::int64_t{0}));
  }
  look.channels = findings.at("channels").get<std::int64_t>();
  const Json& images = findings.at("images");
  const auto median = [&](const char* side) {
    const Json& range = images.at(side);
    return range.is_object() ? range.at("median").get<std::int64_t>() : std::int64_t{0};
  };
  look.width = median("width");
  look.height = median("height");
  look.one_size = images.at("sizes") == 1;
  look.rotated = images.at("rotated").get<std::int64_t>();
}

}  // namespace

std::int64_t DataLook::smallest() const { return counts.empty() ? 0 : *std::min_element(counts.begin(), counts.end()); }

std::int64_t DataLook::largest() const { return counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end()); }

Json DataLook::json() const {
  Json by_class = Json::object();
  for (std::size_t i = 0; i < classes.size(); ++i) by_class[classes[i]] = counts[i];
  return {{"root", root.string()}, {"format", format},   {"images", all},      {"train", train},
          {"classes", by_class},   {"width", width},     {"height", height},   {"one_size", one_size},
          {"channels", channels},  {"rotated", rotated}, {"decoded", decoded}, {"unreadable", unreadable}};
}

DataLook look_at_data(const std::filesystem::path& root, std::string format) {
  DataLook look;
  look.root = root;
  look.format = format.empty() ? data::detect_format(root) : std::move(format);
  const auto dataset = data::sources().make(data::sources().defaults(look.format), data::OpenRequest{root, {}, false});
  take_findings(data::inspect_data({dataset, root.string(), look.format, false, available_processors()}).json, look);
  decode_some(*dataset, look);
  return look;
}

}  // namespace mlrun::classification
