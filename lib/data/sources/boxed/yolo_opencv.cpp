#include "data/sources/boxed/yolo.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/threads.h"
#include "data/parallel_for.h"
#include "data/shown_text.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/boxed/yolo_names.h"
#include "data/sources/boxed/yolo_text.h"
#include "data/sources/listing.h"
#include "data/sources/masked_images.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// `path` without what leads out of the folder where it begins, as exported files have it (../train/images).
fs::path inside(const fs::path& path) {
  fs::path result;
  for (const auto& part : path.lexically_normal()) {
    if (part != ".." && part != "/") result /= part;
  }
  return result.lexically_normal();
}

class YoloOpening {
 public:
  YoloOpening(const YoloOptions& options, const OpenRequest& request) : options_(options), request_(request) {}

  std::shared_ptr<const Dataset> open() {
    const fs::path file = request_.root / options_.names;
    if (!fs::is_regular_file(file)) {
      throw file_error(file.string(), "is not there",
                       "data.names is the YAML file, in data.root, that names the classes");
    }
    const YoloNames names = read_yolo_names(read_file(file), file.string());
    file_ = file;
    path_ = names.path;
    set_.info.name = data_name(request_.root);
    set_.info.classes = names.classes;
    set_.keypoints = static_cast<std::int64_t>(names.keypoints);
    set_.annotations.push_back(file);
    set_.division.emplace();
    set_.images_hint = "data.names says where the images of each split are";
    keep_pairs(names);
    add(Split::Train, names.train);
    add(Split::Val, names.val);
    add(Split::Test, names.test);
    if (set_.images.empty())
      throw file_error(file.string(), "names no images", "train, val and test are folders of images");
    read_labels({names.classes.size(), names.keypoints, names.numbers});
    return open_boxed(std::move(set_), request_, rules_of(options_, options_.masks));
  }

 private:
  void keep_pairs(const YoloNames& names) {
    if (names.keypoints == 0) return;
    Json pairs = Json::array();
    for (const auto& [left, right] : names.pairs) pairs.push_back({left, right});
    set_.info.facts["keypoint_pairs"] = std::move(pairs);
  }

  /// The folder or list that `named` means, relative to the root; UserError where there is none.
  fs::path find(const std::string& named) const {
    std::error_code ignored;
    for (const fs::path& base : {fs::path(path_), fs::path()}) {
      for (const fs::path& path :
           {(base / named).lexically_relative(request_.root), inside(base / named), inside(named)}) {
        const bool out = path.empty() || path.is_absolute() || *path.begin() == "..";
        if (!out && fs::exists(request_.root / path, ignored)) return path;
      }
    }
    throw file_error(file_.string(), "'" + shown_text(named) + "' is not in " + request_.root.string(),
                     "train, val and test are folders of images, or lists of them, in data.root");
  }

  void add(Split split, const std::vector<std::string>& places) {
    std::size_t before = set_.images.size();
    for (const auto& named : places) {
      const fs::path place = find(named);
      if (fs::is_directory(request_.root / place)) {
        for (const auto& file : list_images(request_.root, place.string())) add_image(split, file.path);
      } else {
        add_list(split, place);
      }
    }
    if (places.empty() || set_.images.size() > before) return;
    throw file_error(file_.string(),
                     std::string("there are no images of ") + split_name(split) + " in " +
                         (request_.root / find(places.front())).string(),
                     "train, val and test are folders of images");
  }

  void add_list(Split split, const fs::path& list) {
    set_.annotations.push_back(request_.root / list);
    for (const auto& [line, number] : read_name_list(request_.root / list)) {
      const fs::path plain = inside(line), beside = inside(list.parent_path() / line);
      std::error_code ignored;
      const bool there = fs::exists(request_.root / beside, ignored);
      add_image(split, (there ? beside : plain).string());
    }
  }

  void add_image(Split split, const std::string& path) {
    BoxedImage image;
    image.path = fs::path(path).lexically_normal().string();
    image.annotations = (request_.root / labels_of(image.path)).string();
    image.in_shares = true;
    set_.division->of(split).push_back(static_cast<std::int64_t>(set_.images.size()));
    set_.images.push_back(std::move(image));
  }

  /// The label file of an image: the last folder `images` of its path becomes `labels`.
  fs::path labels_of(const fs::path& image) const {
    std::vector<fs::path> parts(image.begin(), image.end());
    for (std::size_t i = parts.size(); i-- > 0;) {
      if (parts[i] != options_.images) continue;
      parts[i] = options_.labels;
      break;
    }
    fs::path result;
    for (const auto& part : parts) result /= part;
    return result.replace_extension(".txt");
  }

  void read_labels(const YoloForm& form) {
    const std::size_t count = set_.images.size();
    std::vector<BoxProblems> problems(count);
    std::vector<char> found(count);
    parallel_for(static_cast<std::int64_t>(count), available_processors(), [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      BoxedImage& image = set_.images[at];
      std::error_code ignored;
      if (!fs::exists(image.annotations, ignored)) return;
      found[at] = 1;
      try {
        image.objects = read_yolo(read_file(image.annotations), image.annotations, form, problems[at]);
      } catch (const UserError& error) {
        problems[at].add(error);
      }
    });
    for (const auto& of_file : problems) set_.problems.add(of_file);
    for (std::size_t i = 0; i < count; ++i) {
      if (found[i] != 0) set_.annotations.emplace_back(set_.images[i].annotations);
    }
    check_found(found);
    tell_orphans();
  }

  void check_found(const std::vector<char>& found) const {
    for (const Split split : {Split::Train, Split::Val, Split::Test}) {
      const auto& of = set_.division->of(split);
      const bool any =
          std::any_of(of.begin(), of.end(), [&](auto i) { return found[static_cast<std::size_t>(i)] != 0; });
      if (of.empty() || any) continue;
      const BoxedImage& first = set_.images[static_cast<std::size_t>(of.front())];
      throw file_error(first.annotations, std::string("is not there, as no label file of ") + split_name(split) + " is",
                       "the labels of " + options_.images + "/a/1.jpg are looked for in " + options_.labels +
                           "/a/1.txt: set data.images and data.labels");
    }
  }

  /// Label files beside those that were read, whose images are not there.
  void tell_orphans() const {
    std::unordered_set<std::string> read, folders;
    for (const auto& image : set_.images) {
      read.insert(image.annotations);
      folders.insert(fs::path(image.annotations).parent_path().string());
    }
    std::size_t count = 0;
    std::string example;
    for (const auto& folder : folders) {
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(folder, error)) {
        const fs::path& path = entry.path();
        if (path.extension() != ".txt" || path.stem() == "classes" || read.count(path.string()) > 0) continue;
        if (count++ == 0 || path.string() < example) example = path.string();
      }
    }
    if (count == 0) return;
    log::warning(std::to_string(count) +
                 (count == 1 ? " label file has no image: " : " label files have no images, as ") +
                 shown_text(example));
  }

  const YoloOptions& options_;
  const OpenRequest& request_;
  fs::path file_;
  std::string path_;
  BoxedSet set_;
};

}  // namespace

void YoloOptions::declare(config::Declare<YoloOptions>& d) {
  using O = YoloOptions;
  d("names", &O::names, "YAML file in the root with names, train, val and test");
  d("images", &O::images,
    "the folder in the paths of images that `labels` takes the place of in those of their labels");
  d("labels", &O::labels, "that of the label files");
  d("masks", &O::masks, "also give the mask of each thing: each line must have a polygon");
  declare_boxed(d);
}

std::shared_ptr<const Dataset> open_yolo(const YoloOptions& options, const OpenRequest& request) {
  check_root(request.root);
  return YoloOpening(options, request).open();
}

}  // namespace mlrun::data
