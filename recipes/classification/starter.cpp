#include "recipes/classification/starter.h"

#include <algorithm>

#include "recipes/classification/starter_choices.h"
#include "report/format.h"

namespace mlrun::classification {
namespace {

using engine::Starter;
using engine::StarterRequest;

std::string counts_text(const DataLook& look) {
  const std::string least = report::grouped(look.smallest()), most = report::grouped(look.largest());
  return std::to_string(look.classes.size()) + (look.classes.size() == 1 ? " class, " : " classes, ") +
         (least == most ? least : least + " to " + most) +
         (look.has_val || look.has_test ? " training images of each" : " images of each");
}

std::string images_text(const DataLook& look) {
  return report::grouped(look.all) + (look.channels == 1 ? " grey images, " : " images, ") +
         (look.one_size ? "all " : "median ") + std::to_string(look.width) + " x " + std::to_string(look.height) +
         " pixels";
}

/// The classes with their counts, some of them where there are many, 100 columns wide.
std::string class_comment(const DataLook& look) {
  constexpr std::size_t kMostNamed = 30, kWidth = 98;
  std::string text, line = " ";
  for (std::size_t i = 0; i < std::min(look.classes.size(), kMostNamed); ++i) {
    const std::string part = " " + engine::comment_text(look.classes[i]) + ": " + std::to_string(look.counts[i]);
    if (line.size() + part.size() > kWidth) text += line + "\n", line = " ";
    line += part + (i + 1 < look.classes.size() ? "," : "");
  }
  if (look.classes.size() > kMostNamed) line += " ...";
  return text + line + "\n";
}

std::string header(const DataLook& look, const Choices& choices, const StarterRequest& request) {
  const std::string found = "Found: " + images_text(look) + "; " + counts_text(look) + ":\n" + class_comment(look);
  return engine::starter_header(request.recipe, found, choices.warnings) + "\ntask: classification\n\n";
}

std::string model_part(const Choices& choices) {
  std::string text = "model:\n  " + engine::yaml_entry("name", choices.model);
  if (choices.pretrained) {
    return text + "  weights: " + choices.published->entry +
           "  # begin with what was learnt from ImageNet: better and faster than from nothing\n"
           "  head: reinit           # but for the last layer, which learns your classes\n\n";
  }
  if (choices.published == nullptr) return text + "  # There are no published weights: it begins from random ones.\n\n";
  return text +
         "  # It begins from random weights. Published ones give better results with fewer images; fetch them with\n"
         "  #   mlrun weights get " +
         choices.published->name() +
         "\n"
         "  # and let `mlrun init` write this recipe anew, for size, rate and epochs are then others.\n\n";
}

std::string split_part(const DataLook& look, const Choices& choices) {
  if (choices.val_share == 0) return engine::own_splits_text(look.has_test);
  const auto share = [](double value) { return report::shortest(value); };
  if (choices.test_share == 0 && look.has_test) {
    return "  split: {val: " + share(choices.val_share) +
           "}  # held out of the training images to choose the best epoch; the test images are only for the end\n";
  }
  std::string text =
      "  split: {train: " + report::significant(choices.train_share, 3) + ", val: " + share(choices.val_share);
  if (choices.test_share > 0) text += ", test: " + share(choices.test_share);
  return text + ", seed: 0}  # by class; val chooses the best epoch" +
         (choices.test_share > 0 ? ", test is only for the end" : "") + "\n" +
         "  # Several images of one object or person? Keep them together with split.group, or the figures flatter.\n";
}

std::string normalize_text(const DataLook& look) {
  if (look.channels != 1) return "normalize";
  return "{name: normalize, mean: " + report::fixed(look.mean, 3) + ", std: " + report::fixed(look.deviation, 3) +
         "}  # as measured on " + std::to_string(look.decoded - look.unreadable) + " images";
}

std::string transform_part(const DataLook& look, const Choices& choices) {
  const std::string size = std::to_string(choices.size);
  const std::string flip =
      "    - random_horizontal_flip  # remove it where mirror images mean something else, as of letters or digits\n";
  const std::string colour =
      look.channels == 1 && choices.pretrained
          ? "    - {name: grayscale, num_output_channels: 3}  # the published weights expect colour\n"
          : "";
  const std::string train = "  augment:  # every epoch sees each training image changed a little\n" + colour;
  const std::string normalize = "    - " + normalize_text(look) + "\n";
  if (choices.sizing == Sizing::Preset) {
    return train + "    - classification_train  # random crops resized to " + size +
           " pixels, mirrored half the time\n  preprocess:\n" + colour + "    - classification_eval\n";
  }
  if (choices.sizing == Sizing::Native) {
    return train + "    - {name: random_crop, size: " + size + ", padding: " + std::to_string((choices.size + 7) / 8) +
           "}\n" + flip + normalize + "  preprocess:\n" + normalize;
  }
  return train + "    - {name: random_resized_crop, size: " + size + ", scale: [0.5, 1.0]}\n" + flip + normalize +
         "  preprocess:\n    - {name: resize, size: " + std::to_string(choices.size * 8 / 7) +
         "}\n    - {name: center_crop, size: " + size + "}\n" + normalize;
}

std::string data_part(const DataLook& look, const Choices& choices, const StarterRequest& request) {
  std::string text = "data:\n  " + engine::yaml_entry("root", engine::starter_root(request.root, request.recipe)) +
                     "  " + engine::yaml_entry("format", look.format);
  if (look.format == "idx") {
    text += "  # The files name no classes. Name them here in order: classes: [T-shirt, Trouser, ...]\n";
  }
  text += split_part(look, choices);
  if (choices.apply_exif) text += "  exif: apply      # turn photos as the camera held them\n";
  if (choices.skip_unreadable)
    text += "  on_error: skip   # leave broken images out; `mlrun data verify` names all of them\n";
  if (choices.balance) text += "  # sampler: class_balanced  # shows small classes as often as large ones\n";
  return text + transform_part(look, choices) + "\n";
}

std::string training_part(const Choices& choices) {
  return engine::training_text({.epochs = choices.epochs,
                                .batch_size = choices.batch_size,
                                .warmup = choices.warmup,
                                .lr = report::significant(choices.lr, 2),
                                .weight_decay = report::shortest(choices.weight_decay),
                                .more = choices.clip ? "  clip_grad_norm: 1\n" : ""});
}

Json to_json(const Choices& choices) {
  return {{"model", choices.model},
          {"weights", choices.pretrained ? Json(choices.published->entry) : Json(nullptr)},
          {"input_size", choices.size},
          {"epochs", choices.epochs},
          {"batch_size", choices.batch_size},
          {"lr", choices.lr}};
}

Starter make_starter(const StarterRequest& request) {
  const DataLook look = look_at_data(request.root, request.format);
  const Choices choices = choose(look, request.model);
  const std::string weights = choices.pretrained ? choices.published->name() : std::string("random weights");
  return engine::starter_of(
      header(look, choices, request) + model_part(choices) + data_part(look, choices, request) + training_part(choices),
      "found     " + images_text(look) + " (" + look.format + ")\n          " + counts_text(look) + "\nmodel     " +
          choices.model + " from " + weights + ", " + std::to_string(choices.epochs) + " epochs\n",
      choices.warnings, look.json(), to_json(choices));
}

}  // namespace

engine::StarterKind starter() {
  return {"classification", "For a folder of images, a CSV file, idx or CIFAR files",
          "small_cnn for small images, else resnet18", make_starter};
}

}  // namespace mlrun::classification
