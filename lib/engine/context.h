#pragma once

#include <cstdint>
#include <string>

#include <torch/types.h>

#include "config/recipe.h"
#include "data/fields.h"
#include "dist/group.h"
#include "nn/layer.h"

namespace mlrun::engine {

/// Where and how a command computes. Nothing here changes what is computed, but for the order of
/// sums, which device, compute threads and memory format decide.
struct Context {
  torch::Device device{torch::kCPU};
  std::int64_t threads = 1;                                             ///< compute threads
  std::int64_t workers = 0;                                             ///< loading threads
  torch::MemoryFormat memory_format = torch::MemoryFormat::Contiguous;  ///< of 4-dimensional tensors
  dist::Group* group = &dist::alone();                                  ///< with whom
};

/// Chooses the device (`auto`: the first GPU where there is one), tells LibTorch the number of
/// threads and the allocator to keep what is freed, and fills in what the recipe leaves to the machine. UserError for a
/// device that is not there.
Context make_context(const config::TrainSection& train);

/// Puts a model's parameters and buffers where and how `context` says.
void place(nn::Layer& model, const Context& context);
/// The same for a batch's fields.
data::Fields place(const data::Fields& fields, const Context& context);

/// `contiguous` or `channels_last`.
std::string memory_format_name(const Context& context);

/// `cpu` or `cuda:0`.
std::string device_text(const torch::Device& device);

/// Largest resident memory of this process so far, in bytes.
std::int64_t peak_memory();

}  // namespace mlrun::engine
