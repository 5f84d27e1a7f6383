#include "models/backbone.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "models/architectures.h"

namespace mlrun::models {
namespace {

const std::map<std::string, nn::NormKind>& norm_kinds() {
  static const std::map<std::string, nn::NormKind> kinds = {{"batch", nn::NormKind::Batch},
                                                            {"frozen", nn::NormKind::Frozen},
                                                            {"group", nn::NormKind::Group},
                                                            {"sync", nn::NormKind::Sync}};
  return kinds;
}

bool is(const BackboneOptions& options, const char* norm) { return options.norm && *options.norm == norm; }

/// Layers one after another, of which some outputs are given.
class LevelGetter : public nn::Layer {
 public:
  explicit LevelGetter(std::string type) : Layer(std::move(type)) {}

  void push(const std::string& name, std::shared_ptr<nn::Layer> layer, bool level) {
    steps_.push_back({add(name, std::move(layer)), nullptr, level});
    if (level) levels_.push_back({name});
  }
  void push(const std::string& name, const std::shared_ptr<LevelGetter>& group) {
    steps_.push_back({add(name, group), group, true});
    levels_.insert(levels_.end(), group->levels_.begin(), group->levels_.end());
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    torch::Tensor x = inputs.front();
    nn::Tensors levels;
    for (const Step& step : steps_) {
      if (step.group) {
        const nn::Tensors inner = call(*step.group, nn::Tensors{x});
        levels.insert(levels.end(), inner.begin(), inner.end());
        x = inner.back();
        continue;
      }
      x = call(*step.layer, x);
      if (step.level) levels.push_back(x);
    }
    return levels;
  }
  nn::Interface interface() const override { return {{{"input"}}, levels_}; }

 private:
  struct Step {
    std::shared_ptr<nn::Layer> layer;
    std::shared_ptr<LevelGetter> group;  ///< the same where it gives levels itself
    bool level;
  };
  std::vector<Step> steps_;
  std::vector<nn::Port> levels_;
};

/// The body as a model of its own.
class Body : public LevelGetter {
 public:
  explicit Body(const BackboneSteps& body) : LevelGetter("IntermediateLayerGetter"), reset_(body.reset) {
    const std::vector<BodyStep>& steps = body.steps;
    for (std::size_t i = 0; i < steps.size();) {
      if (steps[i].group.empty()) {
        push(steps[i].name, steps[i].layer, steps[i].level);
        ++i;
        continue;
      }
      auto group = std::make_shared<LevelGetter>("Sequential");
      const std::string& name = steps[i].group;
      for (; i < steps.size() && steps[i].group == name; ++i) {
        group->push(steps[i].name, steps[i].layer, steps[i].level);
      }
      push(name, group);
    }
  }

  void reset() override { reset_(); }

 private:
  std::function<void()> reset_;
};

/// Draws the weights of a new, whole `network` whose body begins with `own`.
void draw_whole(Network network, const std::vector<std::shared_ptr<nn::Layer>>& own) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < own.size(); ++i) network.body[i].layer = own[i];
  const auto all = whole(network);
  all->reset();
  all->initialise_weights();
}

/// Builds one backbone, and refuses what does not fit it.
class Maker {
 public:
  Maker(const std::string& name, const BackboneOptions& options, const BackboneRequest& request)
      : name_(name), options_(options), request_(request), facts_(backbones().at(name).facts) {
    if (options.norm && !facts_.at("norms").get<bool>()) {
      fail("norm", "does not apply to " + name + ", which has no batch norms", "leave it out");
    }
    check_dilation();
  }

  BackboneSteps steps() const {
    const auto network = [component = backbones().defaults(name_),
                          body = BodyRequest{request_.inputs, options_, request_.reduced_tail}] {
      return backbones().make(component, body);
    };
    BackboneSteps made{network().body, {}};
    freeze(made.steps);
    choose_levels(made.steps);
    std::vector<std::shared_ptr<nn::Layer>> own;
    for (const BodyStep& step : made.steps) own.push_back(step.layer);
    made.reset = [network, own] { draw_whole(network(), own); };
    return made;
  }

 private:
  [[noreturn]] void fail(const std::string& key, const std::string& message, const std::string& hint) const {
    throw UserError(Problem{"", 0, 0, request_.key + "." + key, message, hint});
  }

  void check_dilation() const {
    const auto& wanted = options_.replace_stride_with_dilation;
    const auto most = facts_.at("dilated").get<std::size_t>();
    if (wanted.empty() || wanted.size() == most) return;
    if (most == 0) fail("replace_stride_with_dilation", "does not apply to " + name_, "leave it out");
    fail("replace_stride_with_dilation",
         "has " + std::to_string(wanted.size()) + " values, and " + name_ + " takes " + std::to_string(most),
         "give one for each of its last stages, as " + std::string(most == 1 ? "[true]" : "[false, true, true]"));
  }

  void freeze(const std::vector<BodyStep>& steps) const {
    if (!options_.trainable_stages) return;
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].stage) begins.push_back(i);
    }
    const auto wanted = static_cast<std::size_t>(*options_.trainable_stages);
    if (wanted > begins.size()) {
      fail("trainable_stages",
           "is " + std::to_string(wanted) + ", and " + name_ + " has " + std::to_string(begins.size()) + " stages",
           "leave it out to train all");
    }
    const std::size_t first = wanted == 0 ? steps.size() : begins[begins.size() - wanted];
    for (std::size_t i = 0; i < first; ++i) {
      for (auto& parameter : steps[i].layer->parameters()) parameter.set_requires_grad(false);
    }
  }

  /// Marks those that were asked for, and drops what comes after the last.
  void choose_levels(std::vector<BodyStep>& steps) const {
    if (!options_.levels.empty()) {
      for (BodyStep& step : steps) step.level = false;
    }
    for (std::size_t i = 0; i < options_.levels.size(); ++i) level_at(steps, i).level = true;
    while (!steps.back().level) steps.pop_back();
  }

  BodyStep& level_at(std::vector<BodyStep>& steps, std::size_t place) const {
    const std::string& wanted = options_.levels[place];
    std::vector<std::string> known;
    for (BodyStep& step : steps) {
      if (step.channels == 0) continue;
      if (step.name == wanted) return step;
      known.push_back(step.name);
    }
    std::string all;
    for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
    fail("levels." + std::to_string(place), "'" + wanted + "' is no level of " + name_, "choose of " + all);
  }

  const std::string& name_;
  const BackboneOptions& options_;
  const BackboneRequest& request_;
  const Json& facts_;
};

BodyFactory all_backbones() {
  BodyFactory factory("backbone");
  add_resnet_bodies(factory);
  add_mobilenet_v2_body(factory);
  add_mobilenet_v3_bodies(factory);
  add_mobilenet_multi_bodies(factory);
  add_mnasnet_bodies(factory);
  add_shufflenet_v2_bodies(factory);
  add_efficientnet_bodies(factory);
  add_regnet_bodies(factory);
  add_vgg_bodies(factory);
  add_densenet_bodies(factory);
  add_convnext_bodies(factory);
  return factory;
}

}  // namespace

void BackboneOptions::declare(config::Declare<BackboneOptions>& d) {
  std::vector<std::string> kinds;
  for (const auto& item : norm_kinds()) kinds.push_back(item.first);
  d("norm", &BackboneOptions::norm,
    "norm behind convolutions; batch: by the batch; frozen: by statistics and weights that never change; group: by "
    "groups of channels of each sample; sync: by the batch over all processes; null: as the architecture has it")
      .choices(kinds);
  d("norm_eps", &BackboneOptions::norm_eps,
    "added to variances; null: the architecture's own for batch and sync, 1e-5 for frozen and group")
      .min(0);
  d("norm_momentum", &BackboneOptions::norm_momentum,
    "weight of the newest batch in a batch norm's statistics; null: the architecture's own")
      .min(0)
      .max(1);
  d("norm_groups", &BackboneOptions::norm_groups, "groups of a group norm; null: 32").min(1);
  d("replace_stride_with_dilation", &BackboneOptions::replace_stride_with_dilation,
    "for each of the last stages (three of a ResNet, one of a MobileNetV3), whether dilation takes the place of its "
    "stride");
  d("trainable_stages", &BackboneOptions::trainable_stages,
    "how many stages train, counted from the last; those before stay as they are; null: all")
      .min(0);
  d("levels", &BackboneOptions::levels, "layers whose outputs are used; empty: as the architecture proposes");
  d.rule("norm_momentum", [](const BackboneOptions& o) -> std::string {
    if (!o.norm_momentum || !(is(o, "frozen") || is(o, "group"))) return "";
    return "does not apply to " + *o.norm + " norms, which update no statistics";
  });
  d.rule("norm_groups", [](const BackboneOptions& o) -> std::string {
    return o.norm_groups && !is(o, "group") ? "applies to norm: group alone" : "";
  });
}

nn::NormOptions BodyRequest::norm(const nn::NormOptions& own) const {
  nn::NormOptions norm = own;
  if (options.norm) norm.kind = norm_kinds().at(*options.norm);
  // Upstream puts these in with their own eps, whatever the architecture's batch norms have.
  if (norm.kind == nn::NormKind::Frozen || norm.kind == nn::NormKind::Group) norm.eps = nn::NormOptions{}.eps;
  norm.eps = options.norm_eps.value_or(norm.eps);
  norm.momentum = options.norm_momentum.value_or(norm.momentum);
  norm.groups = options.norm_groups.value_or(norm.groups);
  return norm;
}

const BodyFactory& backbones() {
  static const BodyFactory factory = all_backbones();
  return factory;
}

BackboneSteps make_backbone_steps(const std::string& name, const BackboneOptions& options,
                                  const BackboneRequest& request) {
  return Maker(name, options, request).steps();
}

Backbone make_backbone(const std::string& name, const BackboneOptions& options, const BackboneRequest& request) {
  const BackboneSteps made = make_backbone_steps(name, options, request);
  Backbone backbone;
  for (const BodyStep& step : made.steps) {
    if (step.level) backbone.levels.push_back({step.name, step.channels, step.stride});
  }
  backbone.body = std::make_shared<Body>(made);
  nn::name_layers(*backbone.body);
  return backbone;
}

}  // namespace mlrun::models
