#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/recipe.h"
#include "engine/context.h"
#include "engine/task.h"
#include "nn/autocast.h"
#include "optim/grad_scaler.h"

namespace mlrun::engine {

/// How a training step computes: in which precision (`train.amp`), and what it keeps for the backward pass
/// (`train.activation_checkpointing`). Evaluation is in float32 and keeps nothing, as torchvision's reference scripts
/// do it.
class Compute : public data::Stateful {
 public:
  /// Stands at the doors of `models` as long as it lives; they must outlive it. UserError for fp16 without CUDA.
  Compute(const Models& models, const config::TrainSection& train, const Context& context);
  ~Compute() override;

  /// What the model puts out for what is given to its ports; numbers of half precision as float32.
  data::Fields run(nn::Layer& model, const data::Fields& inputs) const;

  /// Of fp16, whose range the gradients of `model` leave without it; null otherwise.
  optim::GradScaler* scaler(const std::string& model);

  /// Of fp16 `<prefix>scaler` or, of several models, `<prefix>MODEL.scaler`; else nothing.
  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  struct Recomputed;

  nn::Autocast autocast_;
  std::map<std::string, optim::GradScaler> scalers_;  // by model
  std::vector<std::unique_ptr<Recomputed>> recomputed_;
};

/// Whether this CPU has what LibTorch's bf16 convolutions and matrix products need (oneDNN); others take slow
/// replacements.
bool has_fast_bf16();

/// Says where a precision that saves time elsewhere costs time here: bf16 on a CPU that emulates it.
void warn_of_slow_precision(const config::TrainSection& train, const Context& context);

}  // namespace mlrun::engine
