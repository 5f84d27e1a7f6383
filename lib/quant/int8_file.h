#pragma once

#include <filesystem>

#include "quant/runner.h"
#include "weights/safetensors.h"

/// An int8 model as one safetensors file. Under each int8 layer's path: `weight` (I8), `weight_scale` (F32),
/// `weight_zero_point` (I8, all 0), `bias` (F32); what stays float has its state-dict names. The metadata
/// `quantization` has the rest as JSON.
namespace mlrun::quant {

/// Whether the file says that it is one. UserError where it is no safetensors file.
bool is_int8(const std::filesystem::path& file);

/// What a file of the plan holds by name: int8 layers in the plan's order, then what stays float of `model` (the float
/// one that the plan was made of, or one that runs it).
weights::NamedTensors int8_tensors(nn::Layer& model, const Int8Plan& plan);

/// Writes the plan, and from `model` (the float one that it was made of, or one that runs it) what stays float.
/// `metadata`: recipe, classes and the like.
void write_int8(const std::filesystem::path& file, nn::Layer& model, const Int8Plan& plan,
                const weights::Metadata& metadata);

/// The plan of a file and its float tensors, which share the file's mapping. UserError for what is damaged, or is no
/// int8 file.
struct Int8File {
  Int8Plan plan;
  weights::NamedTensors tensors;
  weights::Metadata metadata;
};
Int8File read_int8(const std::filesystem::path& file);

/// Makes `model`, whose weights may be uninitialised, run the file: what engine::WeightChoice::install calls.
/// UserError where the file is of another model.
void install_int8(const std::filesystem::path& file, nn::Layer& model);

}  // namespace mlrun::quant
