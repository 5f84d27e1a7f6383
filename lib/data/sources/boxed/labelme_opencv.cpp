#include "data/sources/boxed/labelme.h"

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/threads.h"
#include "data/parallel_for.h"
#include "data/shown_text.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/boxed/class_names.h"
#include "data/sources/boxed/labelme_json.h"
#include "data/sources/listing.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

class LabelMeOpening {
 public:
  LabelMeOpening(const LabelMeOptions& options, const OpenRequest& request) : options_(options), request_(request) {}

  std::shared_ptr<const Dataset> open() {
    set_.info.name = data_name(request_.root);
    set_.images_hint = "imagePath is its path from the folder of the JSON file; embedded images are not read";
    const bool splits = options_.val_folder || options_.test_folder;
    if (splits) set_.division.emplace();
    add(Split::Train, options_.train_folder);
    if (options_.val_folder) add(Split::Val, *options_.val_folder);
    if (options_.test_folder) add(Split::Test, *options_.test_folder);
    read();
    return open_boxed(std::move(set_), request_, rules_of(options_, options_.masks));
  }

 private:
  void add(Split split, const std::string& folder) {
    const std::size_t before = files_.size();
    const auto wanted = [](const std::string& name) { return fs::path(name).extension() == ".json"; };
    for (const auto& file : list_files(request_.root, folder, wanted)) {
      if (set_.division) set_.division->of(split).push_back(static_cast<std::int64_t>(files_.size()));
      files_.push_back(fs::path(file.path).lexically_normal());
    }
    if (files_.size() > before) return;
    throw file_error(
        (request_.root / folder).lexically_normal().string(), "holds no annotations of LabelMe",
        std::string("data.") + split_name(split) + "_folder names the folder of the JSON files in data.root");
  }

  void read() {
    std::vector<LabelMe> found(files_.size());
    std::vector<BoxProblems> problems(files_.size());
    parallel_for(static_cast<std::int64_t>(files_.size()), available_processors(), [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      const fs::path file = request_.root / files_[at];
      try {
        found[at] = read_labelme(read_file(file), file.string(), problems[at]);
      } catch (const UserError& error) {
        problems[at].add(error);
      }
    });
    for (const auto& of_file : problems) set_.problems.add(of_file);
    ClassNames classes(options_.classes);
    std::int64_t others = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      others += found[i].others;
      for (const auto& thing : found[i].objects) {
        classes.see(thing.name, (request_.root / files_[i]).string(), 0, set_.problems);
      }
    }
    set_.info.classes = classes.settle();
    for (std::size_t i = 0; i < files_.size(); ++i) add_image(files_[i], found[i], classes);
    if (others == 0) return;
    log::warning(
        std::to_string(others) +
        (others == 1 ? " shape is a point or line, which bounds" : " shapes are points or lines, which bound") +
        " nothing and is left out");
  }

  void add_image(const fs::path& file, LabelMe& found, const ClassNames& classes) {
    const fs::path named =
        found.image.empty() ? fs::path(file).replace_extension(".jpg").filename() : fs::path(found.image);
    BoxedImage image;
    image.path = (file.parent_path() / named).lexically_normal().string();
    image.annotations = (request_.root / file).string();
    image.height = found.height;
    image.width = found.width;
    if (named.is_absolute() || image.path.rfind("..", 0) == 0) {
      set_.problems.add(image.annotations, 0, "'" + shown_text(found.image) + "' leads out of data.root",
                        "imagePath is its path from the folder of the JSON file");
    }
    set_.annotations.emplace_back(image.annotations);
    for (auto& thing : found.objects) {
      const auto label = classes.label(thing.name);
      if (!label) continue;
      thing.object.label = *label;
      image.objects.push_back(std::move(thing.object));
    }
    set_.images.push_back(std::move(image));
  }

  const LabelMeOptions& options_;
  const OpenRequest& request_;
  BoxedSet set_;
  std::vector<fs::path> files_;  // from the root on
};

}  // namespace

void LabelMeOptions::declare(config::Declare<LabelMeOptions>& d) {
  using O = LabelMeOptions;
  d("train_folder", &O::train_folder, "folder of the JSON files of the training images, in the root");
  d("val_folder", &O::val_folder, "folder of those of the validation images; null: there is no such split");
  d("test_folder", &O::test_folder, "folder of those of the test images; null: there is no such split");
  d("classes", &O::classes, "labels that are classes, in their order; []: all that occur, in code point order");
  d("masks", &O::masks, "also give the mask of each thing: each must be a polygon");
  declare_boxed(d);
}

std::shared_ptr<const Dataset> open_labelme(const LabelMeOptions& options, const OpenRequest& request) {
  check_root(request.root);
  return LabelMeOpening(options, request).open();
}

}  // namespace mlrun::data
