#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/bind.h"
#include "config/layers.h"
#include "engine/apply_session.h"
#include "nn/layer.h"
#include "weights/safetensors.h"

namespace mlrun::deploy {

/// A model with its weights, and what whoever runs it elsewhere must know.
struct Subject {
  std::string name;                     ///< of the architecture
  std::string weights;                  ///< which, as results show it
  std::shared_ptr<nn::Layer> model;     ///< in evaluation mode, on the CPU
  torch::Tensor samples;                ///< float32 [N, C, H, W] as the model sees them
  std::vector<std::string> sample_ids;  ///< empty where the samples are random numbers
  std::string samples_from;             ///< `fashion-mnist test`, or `random numbers`
  std::vector<std::string> classes;     ///< empty where they are not known
  Json preprocessing = Json::object();  ///< sizes, statistics, the recipe's transforms
  weights::Metadata metadata;           ///< beside the above: the recipe, the data
};

/// What a run or a weight file holds, with `count` samples of its test split (else val), evenly
/// spread; random numbers, and a warning, where the data cannot be opened.
Subject subject_of(const engine::TaskFactory& tasks, const config::Resolved& resolved,
                   const engine::WeightChoice& weights, std::int64_t count);

/// An architecture by name: its weights as drawn from `seed`, or those that `model.weights` names.
Subject subject_of(const std::string& name, const std::vector<config::Override>& overrides, std::uint64_t seed,
                   std::int64_t count);

/// Lets the subject take images of another size: its samples become random numbers.
void set_size(Subject& subject, std::int64_t height, std::int64_t width);

}  // namespace mlrun::deploy
