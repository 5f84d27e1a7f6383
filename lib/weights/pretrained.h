#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/options.h"
#include "nn/layer.h"
#include "weights/safetensors.h"

namespace mlrun::weights {

/// How weights of another origin are brought to a model; see `model.weights` of a recipe.
struct PretrainedOptions {
  bool strict = true;              ///< false: missing and unexpected names are told, not refused
  config::StringPairs map;         ///< names in the file and here, see patterns.h; the first that fits
  std::vector<std::string> skip;   ///< names, before or after `map`, that are not loaded
  bool reinitialise_head = false;  ///< the last layer (see models::head_layers) stays as it is
};

/// What became of the names.
struct PretrainedReport {
  std::int64_t loaded = 0;  ///< tensors that were copied
  std::vector<std::string> renamed, skipped, reinitialised, missing, unexpected, started;

  /// `161 tensors loaded; reinitialised fc.weight, fc.bias; renamed ...`: all that is not a plain
  /// copy, at most some names of each kind.
  std::string text() const;
};

/// Brings `tensors`, fresh from a file, into `model`, whose weights are initialised; it takes over
/// their memory where that fits (see adopt.h). What upstream reads is read: names
/// of torchvision's old DenseNet, VisionTransformer and detectors' files (renamed), files from before batch
/// norm counted its batches (the counts start at 0), counts that a frozen norm has no place for (left out). `file` is
/// only named. One UserError lists all that does not fit, and then nothing was copied.
PretrainedReport load_pretrained(nn::Layer& model, const NamedTensors& tensors, const std::string& file,
                                 const PretrainedOptions& options = {});

}  // namespace mlrun::weights
