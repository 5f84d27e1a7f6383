#pragma once

// What nearly every source includes. <torch/torch.h> is not among it and is included nowhere: it has every module of
// torch::nn in it, and each source that sees it takes six seconds more.

// clang needs c10::IValue whole before LibTorch 1.13's own headers name it.
#include <ATen/core/ivalue.h>

#include <torch/nn/module.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <nlohmann/json.hpp>
