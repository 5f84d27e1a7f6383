#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/bind.h"
#include "config/layers.h"
#include "data/transforms/transform.h"
#include "engine/apply/apply_session.h"
#include "nn/layer.h"
#include "weights/safetensors.h"

namespace mlrun::deploy {

/// A model with its weights, and what whoever runs it elsewhere must know.
struct ExportSubject {
  std::string name;                           ///< of the architecture
  std::string weights;                        ///< which, as results show it
  std::shared_ptr<nn::Layer> model;           ///< in evaluation mode, on the CPU
  nn::Interface interface;                    ///< the model's in evaluation mode
  nn::Tensors samples;                        ///< at its input ports; or see `take_images`
  std::vector<std::string> sample_ids;        ///< empty where the samples are random numbers
  std::string samples_from;                   ///< `fashion-mnist test`, or `random numbers`
  std::vector<std::string> classes;           ///< empty where they are not known
  Json preprocessing = Json::object();        ///< Task::preprocessing and the recipe's transforms
  weights::Metadata metadata;                 ///< beside the above: the recipe, the data
  std::vector<config::Component> transforms;  ///< of evaluation, from uint8 images to the model's input
  data::TransformContext context;             ///< what they take their defaults from
  using ImageStep = std::function<torch::Tensor(const torch::Tensor&)>;
  ImageStep before;    ///< what is done to samples before the model sees them; empty: nothing
  ImageStep recorded;  ///< the same as a graph records it
  /// A detector: its outputs are boxes, scores and labels of one image, as many as it finds (see take_detector).
  bool finds = false;
  Json outputs_json;  ///< what its outputs are, where names do not tell; null: they do

  /// What the model makes of `samples`: logits where there are classes.
  nn::Tensors outputs(const nn::Tensors& samples) const;
  /// Whether the samples are images [N, C, H, W], and nothing beside them.
  bool takes_images() const {
    return preprocessing.contains("input_channels") && samples.size() == 1 && samples.front().dim() == 4;
  }
};

/// What a run or a weight file holds, with `count` samples of its test split (else val), evenly
/// spread; random numbers, and a warning, where the data cannot be opened. Of a task with several models the one that
/// `submodel` names (engine::chosen_model).
ExportSubject subject_of(const engine::TaskFactory& tasks, const config::Resolved& resolved,
                         const engine::WeightChoice& weights, std::int64_t count, const std::string& submodel = "");

/// An architecture by name, preprocessed as its task does to models alone: its weights as drawn from `seed`, or those
/// that `model.weights` names.
ExportSubject subject_of(const engine::TaskFactory& tasks, const data::TransformFactory& transforms,
                         const std::string& name, const std::vector<config::Override>& overrides, std::uint64_t seed,
                         std::int64_t count);

/// Lets the subject take images of another size: its samples become random numbers.
void set_size(ExportSubject& subject, std::int64_t height, std::int64_t width);

/// Lets the subject take uint8 images [N, height, width, C], preprocessing included: its samples become random images.
/// Without a size they are as large as the model's input. UserError where the transforms cannot be part of a graph, and
/// where they resize images whose size is not named.
void take_images(ExportSubject& subject, const data::TransformFactory& transforms,
                 const std::optional<std::pair<std::int64_t, std::int64_t>>& size);

}  // namespace mlrun::deploy
