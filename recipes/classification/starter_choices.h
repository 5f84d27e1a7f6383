#pragma once

#include <string>
#include <vector>

#include "models/published.h"
#include "recipes/classification/starter_look.h"

namespace mlrun::classification {

/// How the images reach the model.
enum class Sizing {
  Preset,  ///< at the size that the model was published with
  Native,  ///< small images of one size stay as they are
  Scaled   ///< at a size between
};

/// What a first recipe says, and why.
struct Choices {
  std::string model;
  const models::PublishedWeights* published = nullptr;  ///< weights that there are for the model
  bool pretrained = false;                              ///< they are on this machine
  Sizing sizing = Sizing::Preset;
  std::int64_t size = 0;                                  ///< of the model's input, pixels
  double train_share = 1, val_share = 0, test_share = 0;  ///< of the training images; val and test 0: no share
  std::int64_t train_images = 0;                          ///< after the split
  std::int64_t batch_size = 32, epochs = 30, warmup = 1;
  double lr = 1e-3, weight_decay = 0.05;
  bool clip = false;
  bool skip_unreadable = false, apply_exif = false, balance = false;
  std::vector<std::string> warnings;
};

/// Chooses for what was found. An empty `model` is chosen too. UserError for an unknown model, and for
/// too few images.
Choices choose(const DataLook& look, const std::string& model);

}  // namespace mlrun::classification
