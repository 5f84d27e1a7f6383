#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/flow/fusion.h"

/// What of a model is computed in int8, and where values become integers: where torch.ao's eager mode has its
/// observers in torchvision's quantizable models.
namespace mlrun::quant {

/// How a leaf runs in the int8 model. All calls of a layer have one kernel with one set of weights, or all are float.
enum class Role {
  Float,   ///< on float tensors
  Kernel,  ///< by an int8 kernel, together with what is folded into it
  Folded,  ///< hands on what the kernel before it gave
  Pass,    ///< on integers as they are: their scale stays (pooling, flatten, shuffled channels)
};

/// A place where a float tensor becomes integers: one for all calls of a layer, whose ranges it joins.
struct Site {
  std::size_t leaf = 0;  ///< a kernel (of a group: its first layer), the first call that comes here
  int input = -1;        ///< that input of the leaf, before it runs; -1: what the kernel, or its group, gives
  bool fixed = false;    ///< always 1 / 256 from 0: what gives values between 0 and 1
};

struct LayoutStep {
  Role role = Role::Float;
  std::string op;      ///< of a kernel: conv2d, linear, add, mul, cat, batch_norm2d, hardswish, hardsigmoid, sigmoid
  std::string reason;  ///< why it stays float
  int group = -1;      ///< of a kernel that begins one, and of what is folded into it
  std::vector<int> inputs;    ///< of a kernel: each input's site, or that of the kernel which gives it
  int output = -1;            ///< of a kernel: its site
  bool float_output = false;  ///< code outside the door works on what it gives
};

struct Layout {
  nn::Dataflow flow;
  std::vector<nn::FusionGroup> groups;
  std::vector<LayoutStep> steps;  ///< one for each leaf of the flow
  std::vector<Site> sites;

  const nn::FusionGroup* group_of(const LayoutStep& step) const;
  /// Whether values come to a site by this input of the leaf, in one of its layer's calls.
  bool meets(std::size_t leaf, std::size_t input, const Site& site) const;
};

/// Looks at one pass of the model on `example`, all its inputs. `skip`: patterns (weights/patterns.h) of layers that
/// stay float; UserError for one that matches no layer.
Layout plan_layout(nn::Layer& model, const nn::Tensors& example, const std::vector<std::string>& skip = {});

}  // namespace mlrun::quant
