#include "recipes/detection/starter_layout.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "data/sources/listing.h"
#include "data/sources/source.h"

namespace mlrun::detection {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// Names in a folder that end as `ending`, sorted.
std::vector<std::string> names_in(const fs::path& folder, const std::string& ending) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ending) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The first that is there below `root`.
std::optional<std::string> first_there(const fs::path& root, const std::vector<std::string>& paths,
                                       bool (*there)(const fs::path&)) {
  for (const auto& path : paths) {
    if (there(root / path)) return path;
  }
  return {};
}

struct CocoPart {
  std::string annotations, images;
};

/// The annotations in COCO's form of a split that goes by one of `names`, and the folder of its images.
std::optional<CocoPart> coco_part(const fs::path& root, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const auto annotations =
        first_there(root,
                    {"annotations/instances_" + name + ".json", "instances_" + name + ".json",
                     name + "/_annotations.coco.json", "annotations/" + name + ".json", name + ".json"},
                    is_file);
    if (!annotations) continue;
    const auto images = first_there(root, {name, "images/" + name, "images", "."}, is_folder);
    return CocoPart{*annotations, *images};
  }
  return {};
}

BoxLayout coco_layout(const fs::path& root) {
  BoxLayout layout{"coco", {}};
  const auto add = [&](const std::string& split, const std::vector<std::string>& names, bool by_default) {
    const auto part = coco_part(root, names);
    if (part) {
      layout.set(split + "_images", part->images);
      layout.set(split + "_annotations", part->annotations);
    } else if (by_default) {
      layout.set(split + "_annotations", nullptr);
    }
  };
  add("train", {"train2017", "train"}, true);
  add("val", {"val2017", "val", "valid", "validation"}, true);
  add("test", {"test2017", "test"}, false);
  return layout;
}

BoxLayout voc_layout(const fs::path& root) {
  BoxLayout layout{"voc_detection", {}};
  const auto place = first_there(root, {"VOCdevkit/VOC2012", "VOC2012", "."},
                                 [](const fs::path& path) { return is_folder(path / "Annotations"); });
  if (!place) {  // images and annotations in one folder
    layout.set("images", ".");
    layout.set("annotations", ".");
    layout.set("image_set", nullptr);
    return layout;
  }
  if (!is_folder(root / *place / "JPEGImages") && is_folder(root / *place / "images")) layout.set("images", "images");
  const fs::path lists = root / *place / "ImageSets" / "Main";
  const auto train = first_there(lists, {"train.txt", "trainval.txt"}, is_file);
  if (!train) {
    layout.set("image_set", nullptr);
    return layout;
  }
  if (*train != "train.txt") layout.set("image_set", "trainval");
  if (!is_file(lists / "val.txt") || *train != "train.txt") layout.set("val_set", nullptr);
  if (is_file(lists / "test.txt")) layout.set("test_set", "test");
  return layout;
}

BoxLayout yolo_layout(const fs::path& root) {
  BoxLayout layout{"yolo", {}};
  auto names = names_in(root, ".yaml");
  for (const auto& name : names_in(root, ".yml")) names.push_back(name);
  if (!is_file(root / "data.yaml") && !names.empty()) layout.set("names", names.front());
  if (is_folder(root / "labels")) return layout;
  for (const auto& folder : data::sub_folders(root)) {
    if (folder.rfind("labels", 0) != 0) continue;
    layout.set("labels", folder);
    break;
  }
  return layout;
}

BoxLayout cvat_layout(const fs::path& root) {
  BoxLayout layout{"cvat", {}};
  const auto names = names_in(root, ".xml");
  if (!is_file(root / "annotations.xml") && !names.empty()) layout.set("annotations", names.front());
  if (!is_folder(root / "images")) layout.set("images", ".");
  return layout;
}

/// The format that the folder's files are in; empty where it is none of these.
std::string found_format(const fs::path& root) {
  if (coco_part(root, {"train2017", "train"})) return "coco";
  for (const char* place : {"VOCdevkit/VOC2012", "VOC2012", "."}) {
    if (is_folder(root / place / "Annotations")) return "voc_detection";
  }
  const bool labelled = is_folder(root / "labels") || !names_in(root, ".yaml").empty();
  if (is_file(root / "data.yaml") || (is_folder(root / "images") && labelled)) return "yolo";
  if (is_file(root / "annotations.xml")) return "cvat";
  if (!names_in(root, ".xml").empty()) return "voc_detection";
  return names_in(root, ".json").empty() ? "" : "labelme";
}

}  // namespace

config::Component BoxLayout::component() const {
  config::Component source = data::sources().defaults(format);
  for (const auto& [key, value] : options) {
    const config::Field* field = data::sources().at(format).options->find(key);
    MLRUN_ASSERT(field != nullptr, "a layout names options that its source has");
    field->set(source.options.get(), value);
  }
  return source;
}

BoxLayout find_layout(const fs::path& root, const std::string& format) {
  data::check_root(root);
  const std::string found = format.empty() ? found_format(root) : format;
  if (found == "coco") return coco_layout(root);
  if (found == "voc_detection") return voc_layout(root);
  if (found == "yolo") return yolo_layout(root);
  if (found == "cvat") return cvat_layout(root);
  if (!found.empty()) {
    data::sources().at(found);
    return {found, {}};
  }
  throw file_error(
      root.string(), "holds no annotations of boxes that are known",
      "put COCO's JSON, PASCAL VOC's XML, YOLO's labels with data.yaml, LabelMe's JSON or CVAT's XML there; "
      "--format names one of them");
}

}  // namespace mlrun::detection
