#include "data/sources/detect_format.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/input_file.h"
#include "data/sources/csv.h"
#include "data/sources/listing.h"
#include "data/sources/webdataset.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// Whether the first line of a CSV file names path and label.
bool names_labels(const fs::path& file) {
  constexpr std::size_t kLongestLine = 1 << 20;
  std::vector<std::string> cells;
  try {
    std::string line = read_head(file, kLongestLine);
    line.resize(std::min(line.find('\n'), line.size()));
    CsvReader reader(line, file.string());
    reader.next(cells);
  } catch (const UserError&) {
    return false;
  }
  const auto has_cell = [&](const char* name) { return std::find(cells.begin(), cells.end(), name) != cells.end(); };
  return has_cell("path") && has_cell("label");
}

bool is_idx(const fs::path& root) {
  return is_file(root / "train-images-idx3-ubyte") || is_file(root / "train-images-idx3-ubyte.gz");
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// The format of images with boxes; empty where there are none.
std::string boxed_format(const fs::path& root) {
  for (const fs::path& folder : {root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"}) {
    if (is_folder(folder / "JPEGImages") && is_folder(folder / "Annotations")) return "voc_detection";
  }
  if (is_file(root / "data.yaml") || (is_folder(root / "images") && is_folder(root / "labels"))) return "yolo";
  return is_file(root / "annotations.xml") ? "cvat" : "";
}

/// The format of images with masks; empty where there are none.
std::string masked_format(const fs::path& root) {
  for (const fs::path& folder : {root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"}) {
    if (is_folder(folder / "JPEGImages") && is_folder(folder / "SegmentationClass")) return "voc_segmentation";
  }
  if (is_folder(root / "leftImg8bit") && is_folder(root / "gtFine")) return "cityscapes";
  for (const fs::path& folder : {root / "annotations", root}) {
    if (is_file(folder / "instances_train2017.json")) return "coco_segmentation";
  }
  return is_folder(root / "images") && is_folder(root / "masks") ? "segmentation_folder" : "";
}

}  // namespace

std::string detect_format(const fs::path& root) {
  std::error_code ignored;
  if (is_file(root)) return root.extension() == ".tar" ? "webdataset" : "csv";
  check_root(root);
  if (is_idx(root)) return "idx";
  if (is_file(root / "data_batch_1.bin") || fs::is_directory(root / "cifar-10-batches-bin", ignored)) return "cifar10";
  if (fs::is_directory(root / "cifar-100-binary", ignored)) return "cifar100";
  if (is_file(root / "train.bin") && is_file(root / "test.bin")) return "cifar100";
  if (is_file(root / "labels.txt") && sub_folders(root).empty()) return "flat";
  if (is_file(root / "labels.csv") && names_labels(root / "labels.csv")) return "flat";
  if (holds_shards(root)) return "webdataset";
  if (const std::string masked = masked_format(root); !masked.empty()) return masked;
  if (const std::string boxed = boxed_format(root); !boxed.empty()) return boxed;
  if (!sub_folders(root).empty()) return "image_folder";
  throw file_error(
      root.string(), "holds no data set of a known kind",
      "it has neither folders of classes, nor labels.csv or labels.txt, nor tar shards, idx or CIFAR files; name the "
      "kind with data.format, as `mlrun list sources` shows them");
}

}  // namespace mlrun::data
