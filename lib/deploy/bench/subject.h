#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "config/layers.h"
#include "engine/apply/apply_session.h"
#include "nn/layer.h"

namespace mlrun::deploy {

/// A model whose speed is measured.
struct BenchSubject {
  std::string name;     ///< of the architecture
  std::string weights;  ///< which, as results show it
  std::shared_ptr<nn::Layer> model;
  std::int64_t channels = 0, height = 0, width = 0;  ///< of its images; 0 where it takes none
  bool bytes = false;                                ///< it takes uint8 images
  std::string engine;  ///< what alone runs such weights, as results show it (`int8`, `mlrun onnx`); empty: any engine
  nn::Tensors sample = {};  ///< of a model that takes no images: one of its data, at its input ports
};

/// An architecture by name with options such as `model.num_classes=10`, its weights as drawn from seed 0 or those
/// that `model.weights` names, for images of `size` pixels (0: as it was published).
BenchSubject bench_subject(const std::string& name, const std::vector<config::Override>& overrides,
                           std::int64_t size = 0);
/// What a run or a weight file holds, for images of `size` pixels; 0: as the run's model sees them, or as an ONNX file
/// takes them. Of a task with several models the one that `submodel` names (engine::chosen_model). UserError where the
/// file takes no other size.
BenchSubject bench_subject(const engine::TaskFactory& tasks, const config::Resolved& resolved,
                           const engine::WeightChoice& weights, std::int64_t size, const std::string& submodel = "");

/// The recipe by which `--mode train` trains an architecture alone (ModelAlone): made-up images of `size` pixels (0: as
/// the architecture is published); overrides such as `train.activation_checkpointing=true` win.
config::Resolved bench_recipe(const engine::TaskFactory& tasks, const config::Catalogue& catalogue,
                              const std::string& name, const std::vector<config::Override>& overrides,
                              std::int64_t batch, std::int64_t size);

/// Gives an architecture that takes more than an image a sample of that recipe, as its task would.
void add_made_up_sample(BenchSubject& subject, const engine::TaskFactory& tasks, const config::Catalogue& catalogue,
                        const std::vector<config::Override>& overrides, std::int64_t size);

/// Multiply-adds of one image. UserError that names the model and --size where it takes no such image.
std::int64_t count_macs(nn::Layer& model, const std::string& name, std::int64_t channels, std::int64_t height,
                        std::int64_t width);
/// The same UserError of an architecture by name, for images of `size` pixels.
void check_size(const std::string& name, const std::vector<config::Override>& overrides, std::int64_t size);

}  // namespace mlrun::deploy
