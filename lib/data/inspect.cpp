#include "data/inspect.h"

#include <algorithm>
#include <map>
#include <utility>

#include <torch/types.h>

#include "base/files.h"
#include "base/input_file.h"
#include "base/printable.h"
#include "data/boxes/box_census.h"
#include "data/image/decode.h"
#include "data/image/exif.h"
#include "data/image/head.h"
#include "data/image/kind.h"
#include "data/mask_census.h"
#include "data/parallel_for.h"
#include "data/sources/boxed/boxed_images.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::data {
namespace {

constexpr std::size_t kHeadSize = 1 << 17;
constexpr std::size_t kMostNamed = 10;

/// What the head of one image says.
struct ImageLook {
  std::int64_t width = 0, height = 0;
  std::string kind;
  int orientation = 1;
  std::string id;
  std::string problem;  ///< why nothing is known
};

ImageLook look_at(const Source& source, std::int64_t index) {
  ImageLook look;
  const SampleFacts facts = source.facts(index);
  look.id = facts.id;
  try {
    std::string bytes = read_head(facts.file, kHeadSize);
    ImageHead head = read_image_head(bytes);
    const bool whole = bytes.size() < kHeadSize;
    look.kind = image_kind(bytes);
    if (!whole && (head.width == 0 || look.kind == "WebP" || look.kind == "TIFF" || look.kind == "JPEG")) {
      bytes = read_file(facts.file);
      head = read_image_head(bytes);
      look.kind = image_kind(bytes);
    }
    look.orientation = exif_orientation(bytes);
    if (head.width == 0 || head.height == 0) {
      const torch::Tensor image = decode_image(bytes, facts.file.string());
      head.height = image.size(0);
      head.width = image.size(1);
    }
    check_pixel_count(head.width, head.height, facts.file.string());
    look.width = head.width;
    look.height = head.height;
  } catch (const UserError& error) {
    look.problem = error.what();
  }
  return look;
}

/// Sizes, kinds and rotations of many images.
class ImageSummary {
 public:
  void add(const ImageLook& look) {
    if (!look.problem.empty()) {
      unknown_.push_back(look.problem);
      return;
    }
    widths_.push_back(look.width);
    heights_.push_back(look.height);
    ++sizes_[{look.width, look.height}];
    ++kinds_[look.kind];
    if (look.orientation == 1) return;
    ++orientations_[look.orientation];
    if (rotated_.size() < kMostNamed) rotated_.push_back(look.id);
  }

  /// Samples that share their file and so have one size.
  void add_plain(const torch::Tensor& image, const std::string& kind, std::int64_t count) {
    widths_.push_back(image.size(1));
    heights_.push_back(image.size(0));
    sizes_[{image.size(1), image.size(0)}] += count;
    kinds_[kind] += count;
  }

  Json json() const {
    Json kinds = Json::object(), orientations = Json::object();
    for (const auto& [kind, count] : kinds_) kinds[kind] = count;
    for (const auto& [value, count] : orientations_) orientations[std::to_string(value)] = count;
    return {{"sizes", sizes_.size()},
            {"width", range(widths_)},
            {"height", range(heights_)},
            {"kinds", kinds},
            {"exif_orientations", orientations},
            {"rotated", rotated()},
            {"rotated_samples", rotated_},
            {"unknown", unknown_.size()}};
  }

  std::string text(bool applied) const {
    std::string text;
    if (!widths_.empty()) {
      text += "sizes        " + size_text() + "\n";
      for (const auto& [kind, count] : kinds_) {
        text += (&kind == &kinds_.begin()->first ? "images       " : "             ") + report::grouped(count) + " " +
                kind + "\n";
      }
    }
    if (rotated() > 0) {
      text += "rotated      " + report::grouped(rotated()) + (rotated() == 1 ? " image carries" : " images carry") +
              " an EXIF rotation, which is " + (applied ? "applied" : "ignored (data.exif: ignore)") +
              (rotated() == 1 ? ": " : ", as ") + printable_line(rotated_.front()) + "\n";
    }
    if (!unknown_.empty()) {
      text += "unreadable   " + report::grouped(static_cast<std::int64_t>(unknown_.size())) +
              (unknown_.size() == 1 ? " image: " : " images, as ") + unknown_.front() + "\n";
    }
    return text;
  }

 private:
  std::int64_t rotated() const {
    std::int64_t count = 0;
    for (const auto& item : orientations_) count += item.second;
    return count;
  }

  static Json range(std::vector<std::int64_t> values) {
    if (values.empty()) return nullptr;
    std::sort(values.begin(), values.end());
    return {{"min", values.front()}, {"median", values[(values.size() - 1) / 2]}, {"max", values.back()}};
  }

  std::string size_text() const {
    const auto by_size = [](std::int64_t width, std::int64_t height) {
      return std::to_string(width) + " x " + std::to_string(height);
    };
    if (sizes_.size() == 1) return by_size(sizes_.begin()->first.first, sizes_.begin()->first.second) + " pixels, all";
    const Json width = range(widths_), height = range(heights_);
    const auto at = [&](const char* what) { return by_size(width[what], height[what]); };
    return std::to_string(sizes_.size()) + " different; width x height: smallest " + at("min") + ", median " +
           at("median") + ", largest " + at("max");
  }

  std::vector<std::int64_t> widths_, heights_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> sizes_;
  std::map<std::string, std::int64_t> kinds_;
  std::map<int, std::int64_t> orientations_;
  std::vector<std::string> rotated_, unknown_;
};

void summarise_split(const Source& source, const std::string& format, int threads, ImageSummary& summary) {
  if (source.size() == 0) return;
  if (source.facts(0).file.empty()) {
    const torch::Tensor image = source.get({0, 0, 0}).inputs.tensor("image");
    summary.add_plain(image, format + (image.size(2) == 1 ? " grey" : " RGB"), source.size());
    return;
  }
  std::vector<ImageLook> looks(static_cast<std::size_t>(source.size()));
  parallel_for(source.size(), threads,
               [&](std::int64_t i) { looks[static_cast<std::size_t>(i)] = look_at(source, i); });
  for (const auto& look : looks) summary.add(look);
}

/// By split, then class; null where no sample says its classes.
using ClassCounts = std::vector<std::vector<std::optional<std::int64_t>>>;

ClassCounts count_classes(const std::vector<SplitView>& splits, std::size_t classes) {
  ClassCounts counts;
  bool any = false;
  for (const auto& view : splits) {
    auto& of_split = counts.emplace_back(classes, 0);
    for (std::int64_t i = 0; i < view.source->size(); ++i) {
      for (const auto label : view.source->facts(i).labels) {
        ++*of_split.at(static_cast<std::size_t>(label));
        any = true;
      }
    }
  }
  return any ? counts : ClassCounts(splits.size(), ClassCounts::value_type(classes));
}

std::string class_table(const std::vector<SplitView>& splits, const std::vector<std::string>& classes,
                        const ClassCounts& counts) {
  std::vector<report::Column> columns = {{"class", report::Align::Left}};
  for (const auto& view : splits) columns.push_back({split_name(view.split), report::Align::Right});
  report::Table table(columns);
  const auto row = [&](const std::string& name, const auto& value) {
    std::vector<std::string> cells = {name};
    for (std::size_t s = 0; s < splits.size(); ++s) {
      const std::optional<std::int64_t> count = value(s);
      cells.push_back(count ? report::grouped(*count) : "-");
    }
    table.add(std::move(cells));
  };
  for (std::size_t c = 0; c < classes.size(); ++c) row(classes[c], [&](std::size_t s) { return counts[s][c]; });
  row("all", [&](std::size_t s) { return splits[s].source->size(); });
  return table.text();
}

Json class_json(const std::vector<SplitView>& splits, const std::vector<std::string>& classes,
                const ClassCounts& counts) {
  Json list = Json::array();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    Json entry = {{"name", classes[c]}};
    for (std::size_t s = 0; s < splits.size(); ++s) {
      entry[split_name(splits[s].split)] = counts[s][c] ? Json(*counts[s][c]) : Json();
    }
    list.push_back(std::move(entry));
  }
  return list;
}

/// What the masks hold, where there are some.
void add_masks(const DataSubject& subject, Findings& findings) {
  const auto& classes = subject.dataset->info().classes;
  const auto counts = count_masks(subject);
  Json ignored = Json::object(), unreadable = Json::array();
  for (const auto& [split, of] : counts) {
    const char* const name = split_name(split);
    for (std::size_t c = 0; c < classes.size(); ++c) {
      Json& entry = findings.json["classes"][c];
      entry["pixels"][name] = of.pixels[c];
      entry["images"][name] = of.images[c];
    }
    ignored[name] = of.ignored;
    for (const auto& why : of.unreadable) unreadable.push_back(why);
  }
  const auto warnings = mask_warnings(classes, counts);
  findings.json["masks"] = {{"ignored_pixels", ignored}, {"unreadable", unreadable}, {"warnings", warnings}};
  findings.text += mask_table(classes, counts).text();
  if (!unreadable.empty()) {
    findings.text += "\n" + report::grouped(static_cast<std::int64_t>(unreadable.size())) +
                     " masks or images cannot be read, as " + unreadable[0].get<std::string>() + "\n";
  }
  for (const auto& warning : warnings) findings.text += "\nmind: " + printable_line(warning) + "\n";
}

/// What the boxes are like, where there are some.
void add_boxes(const DataSubject& subject, Findings& findings) {
  const auto& classes = subject.dataset->info().classes;
  const auto counts = count_boxes(subject);
  for (const auto& [split, of] : counts) {
    for (std::size_t c = 0; c < classes.size(); ++c) {
      findings.json["classes"][c]["images"][split_name(split)] = of.images[c];
    }
  }
  findings.json["boxes"] = box_json(classes, counts);
  findings.text += box_table(classes, counts).text() + "\n" + box_size_table(counts).text();
  for (const auto& warning : box_warnings(classes, counts))
    findings.text += "\nmind: " + printable_line(warning) + "\n";
}

}  // namespace

std::vector<SplitView> splits_of(const Dataset& dataset) {
  std::vector<SplitView> views;
  for (const Split split : {Split::Train, Split::Val, Split::Test}) {
    if (auto source = dataset.split(split)) views.push_back({split, std::move(source)});
  }
  return views;
}

Json inspect_images(const DataSubject& subject) {
  ImageSummary images;
  for (const auto& view : splits_of(*subject.dataset)) {
    summarise_split(*view.source, subject.format, subject.threads, images);
  }
  return images.json();
}

Findings inspect_data(const DataSubject& subject) {
  const DataInfo& info = subject.dataset->info();
  const auto splits = splits_of(*subject.dataset);
  const ClassCounts counts = count_classes(splits, info.classes.size());
  ImageSummary images;
  for (const auto& view : splits) summarise_split(*view.source, subject.format, subject.threads, images);
  Json samples = Json::object();
  for (const auto& view : splits) samples[split_name(view.split)] = view.source->size();
  Findings findings;
  findings.json = {{"root", subject.root},
                   {"name", info.name},
                   {"format", subject.format},
                   {"fingerprint", info.fingerprint},
                   {"channels", info.channels},
                   {"samples", samples},
                   {"classes", class_json(splits, info.classes, counts)},
                   {"images", images.json()}};
  findings.text = "data         " + subject.root + "\nformat       " + subject.format + "\nclasses      " +
                  std::to_string(info.classes.size()) + "\n" + images.text(subject.exif_applied) + "fingerprint  " +
                  info.fingerprint + "\n\n";
  if (has_boxes(info)) add_boxes(subject, findings);
  else if (has_masks(*subject.dataset)) add_masks(subject, findings);
  else findings.text += class_table(splits, info.classes, counts);
  return findings;
}

}  // namespace mlrun::data
