#pragma once

// clang needs c10::IValue whole before LibTorch 1.13's own headers name it.
#include <ATen/core/ivalue.h>

#include <torch/torch.h>

#include <nlohmann/json.hpp>
