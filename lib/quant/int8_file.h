#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/task.h"
#include "quant/runner.h"
#include "weights/safetensors.h"

/// The int8 models of a task as one safetensors file. Under each int8 layer's path: `weight` (I8), `weight_scale`
/// (F32), `weight_zero_point` (I8, all 0), `bias` (F32); what stays float has its state-dict names. The metadata
/// `quantization` has the rest as JSON. Of several models names begin with the model's, and the metadata have `models`.
namespace mlrun::quant {

/// Whether the file says that it is one. UserError where it is no safetensors file.
bool is_int8(const std::filesystem::path& file);

/// What a file of the plan holds by name: int8 layers in the plan's order, then what stays float of `model` (the float
/// one that the plan was made of, or one that runs it).
weights::NamedTensors int8_tensors(nn::Layer& model, const Int8Plan& plan);

/// One of a task's models: the float one that the plan was made of, or one that runs it.
struct Int8Part {
  std::string name;
  nn::Layer& model;
  const Int8Plan& plan;
};

/// Writes the plans, and from the models what stays float. `metadata`: recipe, classes and the like.
void write_int8(const std::filesystem::path& file, const std::vector<Int8Part>& parts,
                const weights::Metadata& metadata);

/// The plan of a file and its float tensors, which share the file's mapping.
struct Int8File {
  Int8Plan plan;
  weights::NamedTensors tensors;
  weights::Metadata metadata;
};
/// Of a file with several models that of `model`. UserError for what is damaged, is no int8 file or has no such model.
Int8File read_int8(const std::filesystem::path& file, const std::string& model = "");

/// Makes a task's models, whose weights may be uninitialised, run the file: what engine::WeightChoice::install calls.
/// UserError where the file is of other models.
void install_int8(const std::filesystem::path& file, const engine::Models& models);

}  // namespace mlrun::quant
