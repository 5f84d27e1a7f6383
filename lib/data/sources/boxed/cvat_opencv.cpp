#include "data/sources/boxed/cvat.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "data/shown_text.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/boxed/class_names.h"
#include "data/sources/boxed/cvat_xml.h"
#include "data/sources/listing.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestCvat = std::uint64_t{1} << 32U;

/// Train, Validation, ... as splits; nothing where it is none of them.
std::optional<Split> subset_of(std::string name) {
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (name == "train" || name == "training") return Split::Train;
  if (name == "val" || name == "valid" || name == "validation") return Split::Val;
  if (name == "test" || name == "testing") return Split::Test;
  return {};
}

/// `pattern` with its row of # as the digits of `frame`.
std::string frame_name(const std::string& pattern, std::int64_t frame) {
  const auto first = pattern.find('#');
  if (first == std::string::npos) return pattern;
  const auto end = std::min(pattern.find_first_not_of('#', first), pattern.size());
  std::string digits = std::to_string(frame);
  if (digits.size() < end - first) digits.insert(0, end - first - digits.size(), '0');
  return pattern.substr(0, first) + digits + pattern.substr(end);
}

class CvatOpening {
 public:
  CvatOpening(const CvatOptions& options, const OpenRequest& request)
      : options_(options), request_(request), file_(request.root / options.annotations) {}

  std::shared_ptr<const Dataset> open() {
    if (!fs::is_regular_file(file_)) {
      throw file_error(file_.string(), "is not there", "data.annotations is the XML file of CVAT's in data.root");
    }
    Cvat found = read_cvat(read_file(file_, kLargestCvat), file_.string(), set_.problems);
    if (found.images.empty()) set_.problems.check();
    if (found.images.empty()) throw file_error(file_.string(), "names no images", "export the task with its images");
    set_.info.name = data_name(request_.root);
    set_.annotations.push_back(file_);
    set_.images_hint = "data.images names the folder of the images, data.frames the names of a video's frames in it";
    ClassNames classes(options_.classes.empty() ? found.labels : options_.classes);
    for (const auto& image : found.images) {
      for (const auto& thing : image.objects) classes.see(thing.name, file_.string(), thing.object.line, set_.problems);
    }
    set_.info.classes = classes.settle();
    const bool subsets = std::any_of(found.images.begin(), found.images.end(),
                                     [](const CvatImage& image) { return subset_of(image.subset).has_value(); });
    if (subsets) set_.division.emplace();
    for (auto& image : found.images) add(image, classes);
    if (found.others > 0) {
      log::warning(file_.string() + ": " + std::to_string(found.others) +
                   (found.others == 1 ? " shape is" : " shapes are") + " points, lines or the like and left out");
    }
    return open_boxed(std::move(set_), request_, rules_of(options_, options_.masks));
  }

 private:
  void add(CvatImage& from, const ClassNames& classes) {
    const std::string name = from.name.empty() ? frame_name(options_.frames, from.frame) : from.name;
    BoxedImage image;
    image.path = (fs::path(options_.images) / name).lexically_normal().string();
    image.annotations = file_.string();
    image.height = from.height;
    image.width = from.width;
    if (fs::path(name).is_absolute() || image.path.rfind("..", 0) == 0) {
      set_.problems.add(file_.string(), from.line, "'" + shown_text(name) + "' leads out of data.root",
                        "name is a path in data.images");
    }
    if (set_.division) {
      const auto split = subset_of(from.subset);
      if (!split) {
        set_.problems.add(file_.string(), from.line, "'" + shown_text(name) + "' is of no subset that is a split",
                          "subsets are Train, Validation and Test where any is");
        return;
      }
      set_.division->of(*split).push_back(static_cast<std::int64_t>(set_.images.size()));
    }
    for (auto& thing : from.objects) {
      const auto label = classes.label(thing.name);
      if (!label) continue;
      thing.object.label = *label;
      image.objects.push_back(std::move(thing.object));
    }
    set_.images.push_back(std::move(image));
  }

  const CvatOptions& options_;
  const OpenRequest& request_;
  fs::path file_;
  BoxedSet set_;
};

}  // namespace

void CvatOptions::declare(config::Declare<CvatOptions>& d) {
  using O = CvatOptions;
  d("annotations", &O::annotations, "the XML file, in the root");
  d("images", &O::images, "folder of the images");
  d("frames", &O::frames, "names of a video's frames in it, # for each digit of their numbers");
  d("classes", &O::classes, "labels that are classes, in their order; []: those of the file's head, or all that occur");
  d("masks", &O::masks, "also give the mask of each thing: each must be a polygon or mask");
  declare_boxed(d);
}

std::shared_ptr<const Dataset> open_cvat(const CvatOptions& options, const OpenRequest& request) {
  check_root(request.root);
  return CvatOpening(options, request).open();
}

}  // namespace mlrun::data
