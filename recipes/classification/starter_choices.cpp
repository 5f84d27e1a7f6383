#include "recipes/classification/starter_choices.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/sampler.h"
#include "engine/starter.h"
#include "models/named_model.h"
#include "models/registry.h"
#include "report/format.h"
#include "weights/store.h"

namespace mlrun::classification {
namespace {

constexpr std::int64_t kFewest = 10;         // images to learn and to test from
constexpr std::int64_t kSmallImage = 64;     // pixels
constexpr std::int64_t kFewPerClass = 20;    // training images
constexpr double kImbalance = 3;             // largest to smallest class
constexpr std::int64_t kSmallClassFor3 = 7;  // images, so that 15 % are one

void choose_size(const DataLook& look, Choices& choices) {
  const Json& facts = models::models().at(choices.model).facts;
  const auto published = facts.value("input_size", std::int64_t{224});
  const auto least = facts.value("min_size", std::int64_t{1});
  const bool fixed = facts.value("fixed_size", false);
  const std::int64_t side = look.shorter_side();
  choices.size = choices.pretrained ? choices.published->crop_size : published;
  if (choices.pretrained || fixed) return;
  if (look.one_size && look.width == look.height && side <= kSmallImage && side >= least) {
    choices.sizing = Sizing::Native;
    choices.size = side;
  } else if (published <= kSmallImage || side < published) {
    const std::int64_t unit = side < kSmallImage ? 8 : 32;
    choices.sizing = Sizing::Scaled;
    choices.size = std::clamp(side / unit * unit, std::max<std::int64_t>(least, 32), std::max(published, kSmallImage));
  }
}

void choose_split(const DataLook& look, Choices& choices) {
  if (!look.has_val && !look.has_test) {
    const bool few = look.all < 100 || look.smallest() < kSmallClassFor3;
    choices.val_share = few ? 0.2 : 0.15;
    choices.test_share = few ? 0 : 0.15;
    if (few) choices.warnings.push_back(engine::kNoTestSplit);
  } else if (!look.has_val) {
    choices.val_share = look.train >= 10000 ? 0.1 : 0.15;
  }
  choices.train_share = 1 - choices.val_share - choices.test_share;
  choices.train_images = std::llround(choices.train_share * static_cast<double>(look.train));
}

bool has_batch_norm(const std::string& model) {
  for (const auto& entry : nn::state_dict(*models::make_named(model, {}).layer)) {
    if (entry.first.size() > 12 && entry.first.compare(entry.first.size() - 12, 12, "running_mean") == 0) return true;
  }
  return false;
}

/// Rates for AdamW; what has no batch normalisation wants smaller ones, and clipped gradients.
void choose_training(Choices& choices) {
  const std::int64_t images = choices.train_images;
  choices.batch_size = images >= 20000 ? 128 : images >= 5000 ? 64 : images >= 500 ? 32 : 16;
  if (choices.pretrained) {
    choices.batch_size = std::min<std::int64_t>(choices.batch_size, 64);
    choices.epochs = images >= 20000 ? 5 : images >= 5000 ? 10 : images >= 1000 ? 20 : 30;
    choices.lr = 3e-4;
    choices.weight_decay = 0.02;
  } else {
    choices.epochs = images >= 20000 ? 15 : images >= 5000 ? 30 : images >= 1000 ? 40 : 80;
    choices.lr = choices.batch_size == 128 ? 2e-3 : choices.batch_size == 16 ? 7e-4 : 1e-3;
  }
  choices.clip = !has_batch_norm(choices.model);
  if (choices.clip) choices.lr /= choices.pretrained ? 3 : 5;
  choices.warmup = choices.epochs >= 30 ? 2 : 1;
}

void warn_of_classes(const DataLook& look, Choices& choices) {
  auto& warnings = choices.warnings;
  if (look.classes.size() < 2) warnings.push_back("there is one class alone, so that there is nothing to tell apart");
  if (look.smallest() < kFewPerClass) {
    const auto place = std::min_element(look.counts.begin(), look.counts.end()) - look.counts.begin();
    warnings.push_back("few images: " + look.classes[static_cast<std::size_t>(place)] + " has " +
                       std::to_string(look.smallest()) + " for training; collect more, or expect little");
  }
  const double ratio =
      static_cast<double>(look.largest()) / static_cast<double>(std::max<std::int64_t>(1, look.smallest()));
  choices.balance = ratio >= kImbalance && data::samplers().find("class_balanced") != nullptr;
  if (ratio < kImbalance) return;
  warnings.push_back("the largest class has " + report::fixed(ratio, 1) + " times the images of the smallest" +
                     (choices.balance ? "; data.sampler: class_balanced evens that out" : ""));
}

void warn_of_images(const DataLook& look, Choices& choices) {
  auto& warnings = choices.warnings;
  choices.apply_exif = look.rotated > 0;
  choices.skip_unreadable = look.unreadable > 0;
  if (look.rotated > 0) {
    warnings.push_back(report::grouped(look.rotated) + " images carry an EXIF rotation, which is applied (data.exif)");
  }
  if (look.unreadable > 0) {
    warnings.push_back(std::to_string(look.unreadable) + " of " + std::to_string(look.decoded) +
                       " images that were read are broken and will be skipped, as " + look.unreadable_example);
  }
  if (2 * look.shorter_side() < choices.size) {
    warnings.push_back("the images are small, " + std::to_string(look.width) + " x " + std::to_string(look.height) +
                       " pixels: " + choices.model + " gets them enlarged to " + std::to_string(choices.size));
  }
}

}  // namespace

Choices choose(const DataLook& look, const std::string& model) {
  if (look.all < kFewest) {
    throw file_error(look.root.string(), "holds " + std::to_string(look.all) + " images, too few to learn from",
                     "collect at least " + std::to_string(kFewest));
  }
  Choices choices;
  choices.model = !model.empty() ? model : look.shorter_side() <= kSmallImage ? "small_cnn" : "resnet18";
  models::models().at(choices.model);
  const weights::ToBeginFrom begin = weights::to_begin_from(choices.model);
  choices.published = begin.weights;
  choices.pretrained = begin.stored;
  choose_size(look, choices);
  choose_split(look, choices);
  choose_training(choices);
  warn_of_classes(look, choices);
  warn_of_images(look, choices);
  return choices;
}

}  // namespace mlrun::classification
