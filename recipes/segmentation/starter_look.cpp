#include "recipes/segmentation/starter_look.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/threads.h"
#include "data/inspect.h"
#include "data/sources/detect_format.h"
#include "data/sources/segmentation_folder.h"

namespace mlrun::segmentation {
namespace {

constexpr std::int64_t kValues = 255;

/// The data set; with a class for each value of a byte where nobody named classes (`unnamed`).
std::shared_ptr<const data::Dataset> open_data(const MaskLook& look, bool unnamed) {
  config::Component source = data::sources().defaults(look.format);
  if (unnamed) {
    auto& options = source.as<data::SegmentationFolderOptions>();
    for (std::int64_t value = 0; value < kValues; ++value) options.classes.push_back("class " + std::to_string(value));
  }
  return data::sources().make(source, data::OpenRequest{look.root, {}, false});
}

bool wants_classes(const UserError& error) {
  return std::any_of(error.problems().begin(), error.problems().end(),
                     [](const Problem& problem) { return problem.key == "data.classes"; });
}

/// Keeps the values that occur, as classes.
void name_values(MaskLook& look) {
  std::vector<std::int64_t> pixels(static_cast<std::size_t>(kValues));
  for (const auto& [split, of] : look.counts) {
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] += of.pixels[i];
  }
  std::vector<std::string> classes;
  for (std::size_t value = 0; value < pixels.size(); ++value) {
    if (pixels[value] == 0) continue;
    look.values.push_back(static_cast<std::int64_t>(value));
    classes.push_back(value == 0 ? "background" : look.classes[value]);
  }
  for (auto& [split, of] : look.counts) {
    data::MaskCounts kept = of;
    kept.pixels.clear();
    kept.images.clear();
    for (const auto value : look.values) {
      kept.pixels.push_back(of.pixels[static_cast<std::size_t>(value)]);
      kept.images.push_back(of.images[static_cast<std::size_t>(value)]);
    }
    of = std::move(kept);
  }
  look.classes = std::move(classes);
}

void look_at_images(const data::DataSubject& subject, MaskLook& look) {
  const Json findings = data::inspect_images(subject);
  const auto median = [&](const char* side) {
    const Json& range = findings.at(side);
    return range.is_object() ? range.at("median").get<std::int64_t>() : std::int64_t{0};
  };
  look.width = median("width");
  look.height = median("height");
  look.one_size = findings.at("sizes") == 1;
  look.rotated = findings.at("rotated").get<std::int64_t>();
}

}  // namespace

double MaskLook::smallest_share() const {
  std::vector<std::int64_t> pixels(classes.size());
  std::int64_t all_pixels = 0;
  for (const auto& [split, of] : counts) {
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] += of.pixels[i], all_pixels += of.pixels[i];
  }
  std::int64_t least = all_pixels;
  for (const auto count : pixels) least = count > 0 ? std::min(least, count) : least;
  return all_pixels == 0 ? 0 : static_cast<double>(least) / static_cast<double>(all_pixels);
}

Json MaskLook::json() const {
  Json pixels = Json::object();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    std::int64_t sum = 0;
    for (const auto& item : counts) sum += item.second.pixels[i];
    pixels[classes[i]] = sum;
  }
  return {{"root", root.string()}, {"format", format},        {"images", all},    {"train", train},
          {"classes", pixels},     {"width", width},          {"height", height}, {"one_size", one_size},
          {"rotated", rotated},    {"unreadable", unreadable}};
}

MaskLook look_at_masks(const std::filesystem::path& root, const std::string& format) {
  MaskLook look;
  look.root = root;
  look.format = format.empty() ? data::detect_format(root) : format;
  bool unnamed = false;
  std::shared_ptr<const data::Dataset> dataset;
  try {
    dataset = open_data(look, false);
  } catch (const UserError& error) {
    unnamed = wants_classes(error) && look.format == "segmentation_folder";
    if (!unnamed) throw;
    dataset = open_data(look, true);
  }
  if (!data::has_masks(*dataset)) {
    throw file_error(
        root.string(), "holds no masks (" + look.format + ")",
        "put images into images/ and masks of the same names, as PNG, into masks/; `mlrun list sources` shows "
        "what else is read, --format chooses it");
  }
  look.classes = dataset->info().classes;
  const data::DataSubject subject{dataset, root.string(), look.format, false, available_processors()};
  look.counts = data::count_masks(subject);
  if (unnamed) name_values(look);
  look_at_images(subject, look);
  for (const auto& [split, of] : look.counts) {
    look.all += of.masks;
    if (split == data::Split::Train) look.train = of.masks;
    look.unreadable += static_cast<std::int64_t>(of.unreadable.size());
    if (look.unreadable_example.empty() && !of.unreadable.empty()) look.unreadable_example = of.unreadable.front();
  }
  return look;
}

}  // namespace mlrun::segmentation
