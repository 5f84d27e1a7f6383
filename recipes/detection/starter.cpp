#include "recipes/detection/starter.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/threads.h"
#include "data/boxes/box_census.h"
#include "data/sources/boxed/boxed_images.h"
#include "models/registry.h"
#include "recipes/detection/starter_layout.h"
#include "report/format.h"
#include "weights/store.h"

namespace mlrun::detection {
namespace {

using engine::Starter;
using engine::StarterRequest;

constexpr std::int64_t kFewest = 8;  // images to learn and to test from
constexpr double kSteps = 6000;      // of a first training from random weights
constexpr double kFewSteps = 1500;   // from published ones

/// What a first look finds.
struct BoxLook {
  std::filesystem::path root;
  BoxLayout layout;
  std::vector<std::string> classes;
  std::map<data::Split, data::BoxCounts> counts;
  std::int64_t all = 0, train = 0, boxes = 0, rotated = 0;  // images, and boxes of all

  bool has(data::Split split) const { return counts.count(split) > 0; }
};

struct Choices {
  std::string model;
  weights::ToBeginFrom begin;
  engine::StarterSplit split;
  std::int64_t batch_size = 16, epochs = 0, warmup = 1;
  std::vector<std::string> warnings;
};

BoxLook look_at_boxes(const StarterRequest& request) {
  BoxLook look;
  look.root = request.root;
  look.layout = find_layout(request.root, request.format);
  const auto dataset = data::sources().make(look.layout.component(), data::OpenRequest{request.root, {}, false});
  look.classes = dataset->info().classes;
  if (!data::has_boxes(dataset->info())) {
    throw file_error(request.root.string(), "holds no boxes (" + look.layout.format + ")",
                     "`mlrun list sources` shows the formats with boxes; --format chooses one");
  }
  const data::DataSubject subject{dataset, request.root.string(), look.layout.format, false, available_processors()};
  look.counts = data::count_boxes(subject);
  look.rotated = data::inspect_images(subject).at("rotated").get<std::int64_t>();
  for (const auto& [split, of] : look.counts) {
    look.all += of.all_images;
    look.boxes += of.all_boxes();
    if (split == data::Split::Train) look.train = of.all_images;
  }
  return look;
}

Choices choose(const BoxLook& look, const std::string& model) {
  if (look.all < kFewest) {
    throw file_error(
        look.root.string(),
        "holds " + std::to_string(look.all) + (look.all == 1 ? " image" : " images") + ", too few to learn from",
        "annotate at least " + std::to_string(kFewest));
  }
  Choices choices;
  choices.model = model.empty() ? "ssdlite320_mobilenet_v3_large" : model;
  models::models().at(choices.model);
  choices.begin = weights::to_begin_from(choices.model);
  choices.split =
      engine::starter_split(look.train, look.has(data::Split::Val), look.has(data::Split::Test), choices.warnings);
  const double train = static_cast<double>(look.train) * (1 - choices.split.val - choices.split.test);
  choices.batch_size = train < 128 ? 8 : 16;
  choices.epochs = choices.begin.stored ? engine::epochs_of_steps(kFewSteps, train, choices.batch_size, 10, 100)
                                        : engine::epochs_of_steps(kSteps, train, choices.batch_size, 20, 300);
  choices.warmup = choices.epochs >= 60 ? 3 : 1;
  if (look.rotated > 0) {
    choices.warnings.push_back(
        report::grouped(look.rotated) + (look.rotated == 1 ? " image carries" : " images carry") +
        " an EXIF rotation, which is ignored (data.exif): look whether boxes lie right, `mlrun data "
        "show`");
  }
  for (const auto& warning : data::box_warnings(look.classes, look.counts)) choices.warnings.push_back(warning);
  return choices;
}

std::string images_text(const BoxLook& look) {
  return report::grouped(look.all) + " images with " + report::grouped(look.boxes) + " boxes of " +
         std::to_string(look.classes.size()) + (look.classes.size() == 1 ? " class" : " classes");
}

/// Boxes of the classes, one a line, some of them where there are many.
std::string class_lines(const BoxLook& look) {
  constexpr std::size_t kMostNamed = 40;
  std::string text;
  for (std::size_t c = 0; c < std::min(look.classes.size(), kMostNamed); ++c) {
    std::int64_t boxes = 0;
    for (const auto& item : look.counts) boxes += item.second.boxes[c];
    text += "  " + engine::comment_text(look.classes[c]) + ": " + report::grouped(boxes) + "\n";
  }
  return look.classes.size() > kMostNamed ? text + "  ...\n" : text;
}

std::string header(const BoxLook& look, const Choices& choices, const StarterRequest& request) {
  const std::string found = "Found: " + images_text(look) + ":\n" + class_lines(look);
  return engine::starter_header(request.recipe, found, choices.warnings) + "\n";
}

std::string data_part(const BoxLook& look, const Choices& choices, const StarterRequest& request) {
  std::string text = "data:\n  " + engine::yaml_entry("root", engine::starter_root(request.root, request.recipe)) +
                     "  " + engine::yaml_entry("format", look.layout.format);
  for (const auto& [key, value] : look.layout.options) text += "  " + engine::yaml_entry(key, value);
  return text + engine::split_text(choices.split, look.has(data::Split::Test)) +
         "  # Every epoch sees each training image changed: a part of it, mirrored or not, and the boxes with it.\n"
         "  augment: detection_ssdlite\n"
         "  preprocess: detection_eval\n\n";
}

std::string training_part(const Choices& choices) {
  return engine::training_text(
      {.epochs = choices.epochs,
       .batch_size = choices.batch_size,
       .warmup = choices.warmup,
       .lr = choices.begin.stored ? "5e-4" : "1e-3",
       .epochs_note = choices.begin.stored ? "passes over the training images"
                                           : "passes over the training images; from random weights boxes take long "
                                             "to learn"});
}

std::string model_part(const Choices& choices) {
  std::string text = "task: detection\nmodel:\n  " + engine::yaml_entry("name", choices.model);
  const models::PublishedWeights* weights = choices.begin.weights;
  if (weights == nullptr) return text + "  # There are no published weights: it begins from random ones.\n\n";
  const std::string entry = weights->entry;
  if (choices.begin.stored) {
    return text + "  weights: " + entry +
           "  # begin with what was learnt from COCO: better and faster than from nothing\n" +
           "  head: reinit      # but for the last layers, which learn your classes\n\n";
  }
  return text +
         "  # It begins from random weights. Those learnt on COCO make it better with a tenth of the epochs; fetch "
         "them\n"
         "  # with `mlrun weights get " +
         weights->name() + "`, and let `mlrun init` write this recipe anew.\n\n";
}

Starter make_starter(const StarterRequest& request) {
  const BoxLook look = look_at_boxes(request);
  const Choices choices = choose(look, request.model);
  Json layout = Json::object();
  for (const auto& [key, value] : look.layout.options) layout[key] = value;
  return engine::starter_of(
      header(look, choices, request) + model_part(choices) + data_part(look, choices, request) + training_part(choices),
      "found     " + images_text(look) + " (" + look.layout.format + ")\nmodel     " + choices.model + " from " +
          (choices.begin.stored ? choices.begin.weights->name() : "random weights") + ", " +
          std::to_string(choices.epochs) + " epochs\n",
      choices.warnings,
      {{"root", look.root.string()},
       {"format", look.layout.format},
       {"options", layout},
       {"images", look.all},
       {"boxes", data::box_json(look.classes, look.counts)},
       {"classes", look.classes}},
      {{"model", choices.model},
       {"weights", choices.begin.stored ? Json(choices.begin.weights->entry) : Json(nullptr)},
       {"epochs", choices.epochs},
       {"batch_size", choices.batch_size}});
}

}  // namespace

engine::StarterKind starter() {
  return {"detection", "For images with boxes: COCO, PASCAL VOC, YOLO, LabelMe or CVAT",
          "ssdlite320_mobilenet_v3_large", make_starter};
}

}  // namespace mlrun::detection
