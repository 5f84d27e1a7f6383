#include "data/sources/boxed/voc_detection.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/paths.h"
#include "base/threads.h"
#include "data/parallel_for.h"
#include "data/shown_text.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/boxed/class_names.h"
#include "data/sources/boxed/files_by_stem.h"
#include "data/sources/boxed/voc_xml.h"
#include "data/sources/listing.h"
#include "data/sources/masked_images.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestXml = 1U << 26U;

/// The folder that holds the annotations; UserError where there is none.
fs::path find_folder(const fs::path& root, const VocDetectionOptions& options) {
  const std::string name = "VOC" + std::to_string(options.year);
  for (const fs::path& folder : {root / "VOCdevkit" / name, root / name, root}) {
    std::error_code ignored;
    if (fs::is_directory(folder / options.annotations, ignored)) return folder;
  }
  throw file_error(
      root.string(),
      "holds no " + shown_text(options.annotations) + ", neither itself nor in " + name + " or VOCdevkit/" + name,
      "data.root names the folder of PASCAL VOC, data.year one of its years, data.annotations the folder of "
      "the XML files in it");
}

/// An annotation file that a list names, or that was found.
struct Entry {
  std::string name;
  Split split;
};

class VocOpening {
 public:
  VocOpening(const VocDetectionOptions& options, const OpenRequest& request) : options_(options), request_(request) {
    request_.root = find_folder(request.root, options);
    set_.info.name = data_name(request.root);
  }

  std::shared_ptr<const Dataset> open() {
    if (options_.image_set) {
      set_.division.emplace();
      add_list(Split::Train, *options_.image_set);
      if (options_.val_set) add_list(Split::Val, *options_.val_set);
      if (options_.test_set) add_list(Split::Test, *options_.test_set);
    } else {
      add_all();
    }
    if (entries_.empty()) {
      throw file_error((request_.root / options_.annotations).string(), "holds no annotations of PASCAL VOC",
                       "put an XML file for each image there");
    }
    read();
    set_.difficult = true;
    set_.info.facts["inclusive_corners"] = !options_.one_based;
    set_.images_hint = "data.images names the folder of the images, which have the names of their annotations";
    return open_boxed(std::move(set_), request_, rules_of(options_, false));
  }

 private:
  void add_list(Split split, const std::string& set) {
    const fs::path list = request_.root / "ImageSets" / "Main" / (set + ".txt");
    if (!is_file_name(set) || !fs::is_regular_file(list)) {
      throw file_error(list.string(), "is not there",
                       "data.image_set, data.val_set and data.test_set name lists there; null: there is no such split "
                       "(data.image_set: null takes all annotations)");
    }
    for (const auto& [line, number] : read_name_list(list)) {
      const std::string name = line.substr(0, line.find_first_of(" \t"));  // lists of a class go on with 1 or -1
      if (!is_file_name(name)) {
        set_.problems.add(list.string(), number, "'" + shown_text(name) + "' is no name of an image", "");
        continue;
      }
      const auto first = lists_.emplace(name, set).first->second;
      if (first != set) {
        set_.problems.add(list.string(), number, "'" + shown_text(name) + "' is in " + first + ".txt, too",
                          "what is learnt from must not be evaluated on: set data.val_set: null, or other lists");
      }
      set_.division->of(split).push_back(static_cast<std::int64_t>(entries_.size()));
      entries_.push_back({name, split});
    }
  }

  void add_all() {
    const auto wanted = [](const std::string& name) { return fs::path(name).extension() == ".xml"; };
    for (const auto& file : list_files(request_.root, options_.annotations, wanted)) {
      fs::path inside =
          fs::path(file.path).lexically_normal().lexically_relative(fs::path(options_.annotations).lexically_normal());
      entries_.push_back({inside.replace_extension().string(), Split::Train});
    }
  }

  void read() {
    std::vector<VocAnnotation> found(entries_.size());
    std::vector<BoxProblems> problems(entries_.size());
    parallel_for(static_cast<std::int64_t>(entries_.size()), available_processors(), [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      const fs::path file = xml_of(entries_[at]);
      try {
        found[at] = read_voc(read_file(file, kLargestXml), file.string(), problems[at]);
      } catch (const UserError& error) {
        problems[at].add(error);
      }
    });
    for (const auto& of_file : problems) set_.problems.add(of_file);
    ClassNames classes(options_.classes);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      for (const auto& object : found[i].objects) {
        classes.see(object.name, xml_of(entries_[i]).string(), object.line, set_.problems);
      }
    }
    set_.info.classes = classes.settle();
    const FilesByStem images(request_.root, options_.images);
    for (std::size_t i = 0; i < entries_.size(); ++i) add(entries_[i], found[i], classes, images);
  }

  void add(const Entry& entry, const VocAnnotation& found, const ClassNames& classes, const FilesByStem& images) {
    const fs::path file = xml_of(entry);
    set_.annotations.push_back(file);
    BoxedImage image;
    image.path = images.of(entry.name, found.filename);
    image.annotations = file.string();
    image.height = found.height;
    image.width = found.width;
    const double shift = options_.one_based ? 1 : 0;
    for (const auto& from : found.objects) {
      const auto label = classes.label(from.name);
      if (!label) continue;
      BoxedObject object;
      object.label = *label;
      object.box = {from.box[0] - shift, from.box[1] - shift, from.box[2], from.box[3]};
      object.difficult = from.difficult;
      object.line = from.line;
      image.objects.push_back(std::move(object));
    }
    set_.images.push_back(std::move(image));
  }

  fs::path xml_of(const Entry& entry) const { return request_.root / options_.annotations / (entry.name + ".xml"); }

  const VocDetectionOptions& options_;
  OpenRequest request_;
  BoxedSet set_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> lists_;  // of each image the list where it is
};

}  // namespace

void VocDetectionOptions::declare(config::Declare<VocDetectionOptions>& d) {
  using O = VocDetectionOptions;
  d("year", &O::year, "of the folder VOC2012 where the root holds several").min(2007).max(2012);
  d("images", &O::images, "folder of the images");
  d("annotations", &O::annotations, "folder of the XML files; it may be that of the images");
  d("image_set", &O::image_set,
    "list of the training images in ImageSets/Main: train, trainval or one of yours; null: all annotations, which "
    "data.split divides");
  d("val_set", &O::val_set, "list of the validation images; null: there is no such split");
  d("test_set", &O::test_set, "list of the test images; null: there is no such split");
  d("classes", &O::classes, "names of the classes in their order; []: all that occur, in code point order");
  d("one_based", &O::one_based,
    "subtract 1 from xmin and ymin, as where corners are counted from 1 and belong to the box, which PASCAL VOC's own "
    "are; false: take them as they stand, as torchvision does and most tools write them");
  declare_boxed(d);
}

std::shared_ptr<const Dataset> open_voc_detection(const VocDetectionOptions& options, const OpenRequest& request) {
  check_root(request.root);
  return VocOpening(options, request).open();
}

}  // namespace mlrun::data
