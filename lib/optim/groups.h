#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/recipe.h"
#include "nn/layer.h"
#include "optim/optimizer.h"

namespace mlrun::optim {

/// Parameters that are updated alike, as users are shown them.
struct GroupSummary {
  std::string name;  ///< `other`, `norm`, `bias`, `embedding`, `groups.0`; with layer_decay also the layer
  double lr_scale = 1;
  double weight_decay = 0;  ///< 0 where frozen
  std::int64_t tensors = 0;
  std::int64_t elements = 0;
};

/// The groups as aligned text, one a line below their titles.
std::string group_table(const std::vector<GroupSummary>& groups);
/// Logs the table where there is more than one group.
void log_groups(const std::vector<GroupSummary>& groups);

/// How the parameters of a task's models are divided for its optimizers.
///
/// Weight decay has the meaning of torchvision's `utils.set_weight_decay` and train.py: parameters
/// whose own name is `bias` take bias_weight_decay; `class_token`, `position_embedding` and
/// `relative_position_bias_table` take transformer_embedding_decay; other parameters of normalization
/// layers take norm_weight_decay. Where an option is not set, the next that fits counts. The first of
/// `groups` that matches a parameter's name comes before all of them, where it has a weight decay;
/// its lr_scale multiplies layer_decay's (see layer_depths). With lr_scale 0 parameters need no
/// gradient and get neither update nor state; batch norm's statistics still move.
class ParameterGroups {
 public:
  using Models = std::vector<std::pair<std::string, std::shared_ptr<nn::Layer>>>;

  /// With several models names are prefixed by the model's, as in checkpoints. UserErrors at
  /// `optimizer.groups` for a pattern that matches nothing (with the nearest names), a group whose
  /// parameters all belong to earlier ones, and where nothing is left to train.
  ParameterGroups(const Models& models, const config::OptimizerSection& section);

  /// What the optimizer of `model` updates, in the order of its parameters.
  Parameters parameters(const std::string& model) const;

  /// All groups, frozen ones too (lr_scale 0; what model.freeze names is in none), in the order in
  /// which the models have them. `weight_decay` is the optimizers' own, of all or by model.
  std::vector<GroupSummary> summary(double weight_decay) const;
  std::vector<GroupSummary> summary(const std::function<double(const std::string& model)>& weight_decay) const;

 private:
  struct Member {
    std::string model, name;  // as the model and its optimizer name it
    std::string full_name;
    torch::Tensor tensor;
    std::string group;
    Treatment treatment;
    int claimed_by = -1;
  };

  void collect(const Models& models, const config::OptimizerSection& section);
  void claim(const config::OptimizerSection& section);
  void freeze();

  std::vector<Member> members_;
};

}  // namespace mlrun::optim
