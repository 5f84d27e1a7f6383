#include "data/sources/boxed/instance_masks.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/threads.h"
#include "data/image/mask.h"
#include "data/parallel_for.h"
#include "data/shown_text.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/boxed/instance_values.h"
#include "data/sources/listing.h"
#include "data/sources/own_division.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

class InstanceOpening {
 public:
  InstanceOpening(const InstanceMasksOptions& options, const OpenRequest& request)
      : options_(options), request_(request) {}

  std::shared_ptr<const Dataset> open() {
    set_.info.name = data_name(request_.root);
    set_.info.classes = {options_.class_name};
    std::error_code ignored;
    if (fs::is_directory(request_.root / options_.images, ignored)) list_two_folders();
    else list_folder_each();
    set_.problems.check();
    if (set_.images.empty()) {
      throw file_error(request_.root.string(), "holds no images with masks",
                       "data.images and data.masks name the two folders, in it or in a folder for each image");
    }
    set_.division = own_division(request_.root, names_);
    read();
    return open_boxed(std::move(set_), request_, rules_of(options_, /*masks=*/true));
  }

 private:
  void list_two_folders() {
    for (const auto& file : list_images(request_.root, options_.images)) {
      const fs::path inside = fs::path(file.path).lexically_relative(options_.images);
      const fs::path place = fs::path(options_.masks) / (without_ending(inside).string() + options_.mask_suffix);
      add(file.path, inside, place);
    }
  }

  void list_folder_each() {
    std::error_code ignored;
    for (const auto& folder : sub_folders(request_.root)) {
      const fs::path images = fs::path(folder) / options_.images;
      if (!fs::is_directory(request_.root / images, ignored)) continue;
      for (const auto& file : list_images(request_.root, images.string())) {
        add(file.path, folder, fs::path(folder) / options_.masks);
      }
    }
  }

  /// `name` is what lists call the image; its masks are the PNG at `place`, or those in the folder there.
  void add(const std::string& path, const fs::path& name, const fs::path& place) {
    const fs::path whole = place.string() + ".png";
    std::vector<fs::path> files;
    std::error_code ignored;
    const bool folder = fs::is_directory(request_.root / place, ignored);
    if (folder) {
      const auto wanted = [](const std::string& file) { return fs::path(file).extension() == ".png"; };
      for (const auto& file : list_files(request_.root, place.string(), wanted)) files.emplace_back(file.path);
    } else if (fs::is_regular_file(request_.root / whole, ignored)) {
      files = {whole};
    } else {
      set_.problems.add((request_.root / path).string(), 0,
                        "has neither a mask '" + shown_text(whole.string()) + "' nor a folder of masks '" +
                            shown_text(place.string()) + "'",
                        "masks have their images' names; data.masks names their folder, data.mask_suffix what their "
                        "names have more");
      return;
    }
    BoxedImage image;
    image.path = path;
    image.annotations = (request_.root / (folder ? place : whole)).string();
    set_.images.push_back(std::move(image));
    names_.push_back(name);
    files_.push_back(std::move(files));
    single_.push_back(folder);
  }

  void read() {
    const std::size_t count = set_.images.size();
    std::vector<BoxProblems> problems(count);
    parallel_for(static_cast<std::int64_t>(count), available_processors(), [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      for (const fs::path& file : files_[at]) {
        try {
          read_things(request_.root / file, single_[at], set_.images[at].objects);
        } catch (const UserError& error) {
          problems[at].add(error);
        }
      }
    });
    for (const auto& of_image : problems) set_.problems.add(of_image);
    for (const auto& files : files_) {
      for (const fs::path& file : files) set_.annotations.push_back(request_.root / file);
    }
    tell_of_foregrounds();
  }

  static void read_things(const fs::path& file, bool single, std::vector<BoxedObject>& objects) {
    const RawMask mask = decode_mask(read_file(file), file.string());
    if (mask.coloured) {
      throw file_error(file.string(), "is a colour image, and the values of a mask are numbers of things",
                       "write it as grey PNG of 8 or 16 bits, 0 for the ground");
    }
    const torch::Tensor values = single ? mask.values.ne(0).to(torch::kInt) : mask.values;
    for (BoxedObject& object : things_of_values(values)) {
      if (single) object.shape = static_cast<std::int64_t>(objects.size()) + 1;
      objects.push_back(std::move(object));
    }
  }

  /// Masks that have one value each may be those of a segmentation.
  void tell_of_foregrounds() const {
    const bool several = std::any_of(set_.images.begin(), set_.images.end(),
                                     [](const BoxedImage& image) { return image.objects.size() > 1; });
    if (several || set_.images.size() < 2 || single_.front()) return;
    log::warning((request_.root / options_.masks).string() +
                 ": no mask has more than one value beside 0, so each image has one thing at most; where they show the "
                 "foreground alone, give each thing a value of its own");
  }

  const InstanceMasksOptions& options_;
  const OpenRequest& request_;
  BoxedSet set_;
  std::vector<fs::path> names_;               // of the images, as lists have them
  std::vector<std::vector<fs::path>> files_;  // masks of each
  std::vector<char> single_;                  // a mask is of one thing
};

}  // namespace

void InstanceMasksOptions::declare(config::Declare<InstanceMasksOptions>& d) {
  using O = InstanceMasksOptions;
  d("images", &O::images, "folder of the images, in the root or in a folder for each image there");
  d("masks", &O::masks,
    "folder of their masks beside it: for each image a PNG of its name in which each thing has a value of its own, or "
    "a "
    "folder of its name with a PNG for each thing");
  d("mask_suffix", &O::mask_suffix, "what the names of masks have more than their images', as _mask");
  d("class_name", &O::class_name, "what things are");
  declare_boxed(d);
}

std::shared_ptr<const Dataset> open_instance_masks(const InstanceMasksOptions& options, const OpenRequest& request) {
  check_root(request.root);
  return InstanceOpening(options, request).open();
}

}  // namespace mlrun::data
