#include "recipes/segmentation/starter.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "models/registry.h"
#include "recipes/segmentation/starter_look.h"
#include "report/format.h"

namespace mlrun::segmentation {
namespace {

using engine::Starter;
using engine::StarterRequest;

constexpr std::int64_t kFewest = 8;     // images to learn and to test from
constexpr std::int64_t kUnit = 32;      // pixels: sizes are multiples
constexpr std::int64_t kLargest = 512;  // shorter side that a first training sees
constexpr double kSteps = 2500;         // of a first training
constexpr double kRare = 0.1;           // share of a class that overlap losses help

struct Choices {
  std::string model;
  std::int64_t size = 0, crop = 0;  // shorter side, and what is cut out of it for training; pixels
  engine::StarterSplit split;
  std::int64_t batch_size = 8, epochs = 0, warmup = 1;
  bool dice = false;
  std::vector<std::string> warnings;
};

void choose_training(const MaskLook& look, Choices& choices) {
  const std::int64_t side = std::min(look.shorter_side(), kLargest);
  choices.size = std::max(side / kUnit * kUnit, kUnit);
  choices.crop = std::max(choices.size * 3 / 4 / kUnit * kUnit, kUnit);
  const double train = static_cast<double>(look.train) * (1 - choices.split.val - choices.split.test);
  choices.batch_size = train < 64 ? 4 : 8;
  choices.epochs = engine::epochs_of_steps(kSteps, train, choices.batch_size, 10, 100);
  choices.warmup = choices.epochs >= 30 ? 2 : 1;
  choices.dice = look.smallest_share() < kRare;
}

Choices choose(const MaskLook& look, const std::string& model) {
  if (look.all < kFewest) {
    throw file_error(look.root.string(),
                     "holds " + std::to_string(look.all) + " images with masks, too few to learn from",
                     "make at least " + std::to_string(kFewest));
  }
  Choices choices;
  choices.model = model.empty() ? "unet" : model;
  models::models().at(choices.model);
  choices.split =
      engine::starter_split(look.train, look.has(data::Split::Val), look.has(data::Split::Test), choices.warnings);
  choose_training(look, choices);
  if (look.unreadable > 0) {
    choices.warnings.push_back(std::to_string(look.unreadable) +
                               " images or masks are broken and will be skipped, as " + look.unreadable_example);
  }
  if (look.rotated > 0) {
    choices.warnings.push_back(report::grouped(look.rotated) +
                               " images carry an EXIF rotation, which is ignored (data.exif): masks seldom have it");
  }
  for (const auto& warning : data::mask_warnings(look.classes, look.counts)) choices.warnings.push_back(warning);
  return choices;
}

std::string images_text(const MaskLook& look) {
  return report::grouped(look.all) + " images with masks, " + (look.one_size ? "all " : "median ") +
         std::to_string(look.width) + " x " + std::to_string(look.height) + " pixels";
}

std::string classes_text(const MaskLook& look) {
  return std::to_string(look.classes.size()) + (look.classes.size() == 1 ? " class" : " classes");
}

/// The classes with their share of the pixels, one a line, some of them where there are many.
std::string class_lines(const MaskLook& look) {
  constexpr std::size_t kMostNamed = 40;
  const Json pixels = look.json().at("classes");
  double all = 0;
  for (const auto& item : pixels.items()) all += item.value().get<double>();
  std::string text;
  for (std::size_t i = 0; i < std::min(look.classes.size(), kMostNamed); ++i) {
    const auto share = pixels.at(look.classes[i]).get<double>() / std::max(all, 1.0);
    text += "  " + engine::comment_text(look.classes[i]) + ": " + report::percent(share, 2) + "\n";
  }
  return look.classes.size() > kMostNamed ? text + "  ...\n" : text;
}

std::string header(const MaskLook& look, const Choices& choices, const StarterRequest& request) {
  const std::string found = "Found: " + images_text(look) + "; " + classes_text(look) +
                            ", by their share of the pixels:\n" + class_lines(look);
  return engine::starter_header(request.recipe, found, choices.warnings) + "\n";
}

std::string class_part(const MaskLook& look) {
  if (look.values.empty()) return "";
  std::string text = "  # The values that occur in the masks. Give them their names, in this order.\n  ";
  text += engine::yaml_entry("classes", look.classes);
  for (std::size_t i = 0; i < look.values.size(); ++i) {
    if (look.values[i] != static_cast<std::int64_t>(i)) return text + "  " + engine::yaml_entry("values", look.values);
  }
  return text;
}

std::string data_part(const MaskLook& look, const Choices& choices, const StarterRequest& request) {
  const auto side = [](double value) { return std::to_string(std::llround(value)); };
  const auto size = static_cast<double>(choices.size);
  const std::string shown = std::to_string(choices.size), crop = std::to_string(choices.crop);
  std::string text = "data:\n  " + engine::yaml_entry("root", engine::starter_root(request.root, request.recipe)) +
                     "  " + engine::yaml_entry("format", look.format) + class_part(look) +
                     engine::split_text(choices.split, look.has(data::Split::Test));
  if (look.unreadable > 0)
    text += "  on_error: skip   # leave broken ones out; `mlrun data verify` names all of them\n";
  text +=
      "  augment:  # every epoch sees each training image changed a little, and its mask with it\n"
      "    - {name: random_resize, min_size: " +
      side(0.75 * size) + ", max_size: " + side(1.5 * size) +
      "}\n"
      "    - random_horizontal_flip\n"
      "    - {name: random_crop, size: " +
      crop +
      ", pad_if_smaller: true}\n"
      "    - normalize\n"
      "  preprocess:\n";
  const bool as_is = look.one_size && look.shorter_side() == choices.size;
  if (!as_is) text += "    - {name: resize, size: " + shown + "}  # figures are of images and masks of this size\n";
  return text + "    - normalize\n\n";
}

std::string training_part(const Choices& choices) {
  return engine::training_text({.epochs = choices.epochs,
                                .batch_size = choices.batch_size,
                                .warmup = choices.warmup,
                                .more = "  eval_batch_size: 1\n"});
}

std::string model_part(const Choices& choices) {
  const std::string task = choices.dice
                               ? "task: {name: segmentation, dice_weight: 0.5}  # Dice's loss helps classes that "
                                 "have few pixels\n"
                               : "task: segmentation\n";
  const bool unet = choices.model == "unet";
  return task + "model:\n  " + engine::yaml_entry("name", choices.model) +
         (unet ? "  width: 16   # 64 is the paper's: better with many images, and sixteen times the work\n\n" : "\n");
}

Starter make_starter(const StarterRequest& request) {
  const MaskLook look = look_at_masks(request.root, request.format);
  const Choices choices = choose(look, request.model);
  return engine::starter_of(
      header(look, choices, request) + model_part(choices) + data_part(look, choices, request) + training_part(choices),
      "found     " + images_text(look) + " (" + look.format + ")\n          " + classes_text(look) + "\nmodel     " +
          choices.model + " from random weights, " + std::to_string(choices.epochs) + " epochs\n",
      choices.warnings, look.json(),
      {{"model", choices.model},
       {"size", choices.size},
       {"crop", choices.crop},
       {"epochs", choices.epochs},
       {"batch_size", choices.batch_size}});
}

}  // namespace

engine::StarterKind starter() {
  return {"segmentation", "For images with masks: two folders, PASCAL VOC, Cityscapes or COCO", "unet", make_starter};
}

}  // namespace mlrun::segmentation
