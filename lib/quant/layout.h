#pragma once

#include <optional>
#include <string>
#include <vector>

#include "quant/fusion.h"

/// What of a model is computed in int8, and where values become integers: where torch.ao's eager mode has its
/// observers in torchvision's quantizable models.
namespace mlrun::quant {

/// How a leaf runs in the int8 model.
enum class Role {
  Float,   ///< on float tensors
  Kernel,  ///< by an int8 kernel, together with what is folded into it
  Folded,  ///< hands on what the kernel before it gave
  Pass,    ///< on integers as they are: their scale stays (pooling, flatten, shuffled channels)
};

/// A place where a float tensor becomes integers.
struct Site {
  std::size_t leaf = 0;  ///< a kernel (of a group: its first layer)
  int input = -1;        ///< that input of the leaf, before it runs; -1: what the kernel, or its group, gives
  bool fixed = false;    ///< always 1 / 256 from 0: what gives values between 0 and 1
};

struct Step {
  Role role = Role::Float;
  std::string op;      ///< of a kernel: conv2d, linear, add, mul, cat, batch_norm2d, hardswish, hardsigmoid, sigmoid
  std::string reason;  ///< why it stays float
  int group = -1;      ///< of a kernel that begins one, and of what is folded into it
  std::vector<int> inputs;    ///< of a kernel: each input's site, or that of the kernel which gives it
  int output = -1;            ///< of a kernel: its site
  bool float_output = false;  ///< code outside the door works on what it gives
};

struct Layout {
  Dataflow flow;
  std::vector<Group> groups;
  std::vector<Step> steps;  ///< one for each leaf of the flow
  std::vector<Site> sites;
};

/// Looks at one pass of the model. `skip`: patterns (weights/patterns.h) of layers that stay float; UserError for one
/// that matches no layer.
Layout plan_layout(nn::Layer& model, const torch::Tensor& example, const std::vector<std::string>& skip = {});

}  // namespace mlrun::quant
