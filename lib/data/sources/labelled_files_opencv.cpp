#include "data/sources/labelled_files.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "data/problem_list.h"
#include "data/shown_text.h"
#include "data/sources/groups.h"
#include "data/sources/image_files.h"
#include "data/sources/label_paths.h"
#include "data/sources/labelled_list.h"
#include "data/sources/listing.h"
#include "data/sources/names.h"
#include "data/sources/split_dataset.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestLabelFile = std::uint64_t{1} << 30;

/// A label file and what its paths are relative to.
struct LabelFile {
  fs::path file;
  fs::path root;
  LabelledList list;
};

bool is_csv_name(const fs::path& file) { return file.extension() == ".csv" || file.extension() == ".CSV"; }

/// UserError where a split has a class that train lacks.
void check_trained_classes(const LabelFile& labels) {
  std::set<std::string> trained;
  for (const auto& entry : labels.list.entries) {
    if (entry.split == Split::Train) trained.insert(entry.label);
  }
  if (trained.empty()) return;
  std::map<int, std::string> strangers;
  for (const auto& entry : labels.list.entries) {
    if (trained.count(entry.label) == 0) strangers[entry.line] = "train has no class '" + shown_text(entry.label) + "'";
  }
  ProblemList problems(labels.file.string());
  for (const auto& [line, problem] : strangers) problems.add(line, problem, "the splits must hold the same classes");
  problems.check();
}

std::shared_ptr<ImageFiles> collect_images(const LabelFile& labels, const std::vector<std::string>& classes,
                                           const OpenRequest& request) {
  std::map<std::string, std::int64_t> number;
  for (std::size_t i = 0; i < classes.size(); ++i) number[classes[i]] = static_cast<std::int64_t>(i);
  auto images = std::make_shared<ImageFiles>();
  images->root = labels.root;
  images->apply_exif = request.apply_exif;
  images->cache = std::make_shared<FileCache>(request.cache);
  for (const auto& entry : labels.list.entries) {
    images->files.push_back({entry.path, entry.size});
    images->labels.push_back(number.at(entry.label));
    if (request.split.group) images->groups.push_back(entry.group);
  }
  return images;
}

/// Divides the rows of train by the shares; the rows of val and test stay where they are.
SplitDataset::Splits divide_images(const DataInfo& info, const std::shared_ptr<ImageFiles>& images,
                                   const LabelFile& labels, const OpenRequest& request) {
  std::array<std::vector<std::int64_t>, 3> own;
  for (std::size_t i = 0; i < labels.list.entries.size(); ++i) {
    own[static_cast<std::size_t>(labels.list.entries[i].split)].push_back(static_cast<std::int64_t>(i));
  }
  check_shares(request.split, !own[1].empty(), !own[2].empty());
  if (own[0].empty()) {
    throw file_error(labels.file.string(), "gives no sample to train",
                     "write train in the column split of the rows to learn from");
  }
  std::vector<std::int64_t> pool_labels;
  std::vector<std::string> pool_groups;
  for (const auto at : own[0]) {
    pool_labels.push_back(images->labels[static_cast<std::size_t>(at)]);
    if (!images->groups.empty()) pool_groups.push_back(images->groups[static_cast<std::size_t>(at)]);
  }
  const Division division = divide_pool(info, pool_labels, pool_groups, request.split);
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    std::vector<std::int64_t> positions;
    for (const auto at : division.parts[i]) positions.push_back(own[0][static_cast<std::size_t>(at)]);
    if (i > 0 && !own[i].empty()) positions = own[i];
    if (!positions.empty()) splits[i] = make_image_source(images, std::move(positions));
  }
  return splits;
}

std::shared_ptr<const Dataset> open_labelled(const LabelFile& labels, const OpenRequest& request) {
  if (labels.list.has_split) check_trained_classes(labels);
  DataInfo info;
  info.name = data_name(request.root);
  info.classes = class_order(labels.list);
  check_class_names(info.classes, labels.file.string());
  const auto images = collect_images(labels, info.classes, request);
  auto files = images->files;
  files.push_back({labels.file.filename().string(), fs::file_size(labels.file)});
  info.fingerprint = fingerprint(std::move(files));
  auto splits = divide_images(info, images, labels, request);
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

[[noreturn]] void fail_label_file(const fs::path& file, const std::string& hint) {
  throw file_error(file.string(), "there is no such file", hint);
}

/// UserError where a name leads out of the root.
void check_inside(const LabelFile& labels) {
  std::map<int, std::string> outside;
  for (const auto& entry : labels.list.entries) {
    const fs::path path(entry.path);
    if (path.is_absolute() || *path.begin() == "..") outside[entry.line] = shown_text(entry.path);
  }
  ProblemList problems(labels.file.string());
  for (const auto& [line, path] : outside) {
    problems.add(line, "'" + path + "' lies outside of " + labels.root.string(), "data.format: csv takes any path");
  }
  problems.check();
}

/// Warns of images in the root that the label file does not name.
void warn_of_unlabelled(const LabelFile& labels) {
  std::vector<std::string> unlabelled;
  LeftOut others;
  for (const auto& file : list_images(labels.root, "", /*dangling=*/true, {}, &others)) {
    const auto& entries = labels.list.entries;
    const auto found =
        std::lower_bound(entries.begin(), entries.end(), file.path,
                         [](const LabelledEntry& entry, const std::string& p) { return entry.path < p; });
    if (found == entries.end() || found->path != file.path) unlabelled.push_back(file.path);
  }
  for (const auto& entry : labels.list.entries) others.endings.erase(name_ending(entry.path));
  if (others.has_images()) tell_left_out(others, labels.root.string());
  if (unlabelled.empty()) return;
  log::warning(labels.file.string() + ": names no label for " + std::to_string(unlabelled.size()) +
               " of the images beside it, as '" + unlabelled.front() + "'; they are left out");
}

fs::path flat_label_file(const FlatOptions& options, const fs::path& root) {
  std::error_code ignored;
  if (options.labels) {
    fs::path file = root / *options.labels;
    if (!fs::is_regular_file(file, ignored)) fail_label_file(file, "data.labels names it");
    return file;
  }
  for (const char* usual : {"labels.csv", "labels.txt"}) {
    if (fs::is_regular_file(root / usual, ignored)) return root / usual;
  }
  throw file_error(root.string(), "holds neither labels.csv nor labels.txt", "let data.labels name the label file");
}

/// Fills the groups from the names, where the label file has no column of that name.
void group_by_name(LabelledList& list, const std::string& pattern) {
  const GroupPattern find(pattern);
  for (auto& entry : list.entries) {
    entry.group = find.of(entry.path);
    if (!entry.group.empty()) continue;
    throw UserError(Problem{"", 0, 0, "data.split.group", "'" + entry.path + "' lies in no folder of its group",
                            "write a regular expression whose first parentheses hold the group"});
  }
}

}  // namespace

std::shared_ptr<const Dataset> open_csv(const config::NoOptions&, const OpenRequest& request) {
  std::error_code ignored;
  LabelFile labels;
  labels.file = request.root;
  if (request.root.empty()) check_root(request.root);
  if (fs::is_directory(labels.file, ignored)) labels.file /= "labels.csv";
  if (!fs::is_regular_file(labels.file, ignored)) {
    fail_label_file(labels.file, "data.root must name the CSV file, or the folder that holds labels.csv");
  }
  labels.root = labels.file.parent_path();
  labels.list = read_label_csv(read_file(labels.file, kLargestLabelFile), labels.file.string(), request.split.group);
  locate_images(labels.list, labels.root, labels.file.string());
  return open_labelled(labels, request);
}

void FlatOptions::declare(config::Declare<FlatOptions>& d) {
  d("labels", &FlatOptions::labels,
    "file in the root that names the labels: CSV, or lines `name label`; null: labels.csv or labels.txt");
}

std::shared_ptr<const Dataset> open_flat(const FlatOptions& options, const OpenRequest& request) {
  check_root(request.root);
  LabelFile labels;
  labels.root = request.root;
  labels.file = flat_label_file(options, request.root);
  const std::string text = read_file(labels.file, kLargestLabelFile);
  const auto& group = request.split.group;
  const bool pattern =
      group && (!is_csv_name(labels.file) || *group == "parent" || group->find('(') != std::string::npos);
  labels.list = is_csv_name(labels.file) ? read_label_csv(text, labels.file.string(), pattern ? std::nullopt : group)
                                         : read_label_lines(text, labels.file.string());
  check_inside(labels);
  locate_images(labels.list, labels.root, labels.file.string());
  check_inside(labels);  // backslashes are slashes now
  if (pattern) group_by_name(labels.list, *group);
  warn_of_unlabelled(labels);
  return open_labelled(labels, request);
}

}  // namespace mlrun::data
