#include "optim/groups.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <tuple>

#include "base/error.h"
#include "base/log.h"
#include "optim/depth.h"
#include "report/format.h"
#include "report/table.h"
#include "weights/patterns.h"

namespace mlrun::optim {
namespace {

constexpr std::array<const char*, 3> kEmbeddings = {"class_token", "position_embedding",
                                                    "relative_position_bias_table"};

/// The group that torchvision's rules give a parameter called `own` of `layer`, and its weight decay.
std::pair<std::string, std::optional<double>> decay_group(const config::OptimizerSection& section,
                                                          const nn::Layer& layer, const std::string& own) {
  if (section.bias_weight_decay && own == "bias") return {"bias", section.bias_weight_decay};
  const bool embedding = std::find(kEmbeddings.begin(), kEmbeddings.end(), own) != kEmbeddings.end();
  if (section.transformer_embedding_decay && embedding) return {"embedding", section.transformer_embedding_decay};
  if (section.norm_weight_decay && is_norm(layer)) return {"norm", section.norm_weight_decay};
  return {"other", std::nullopt};
}

[[noreturn]] void fail_at(const std::string& place, const std::string& message, const std::string& hint) {
  throw UserError(Problem{"", 0, 0, "optimizer.groups" + place, message, hint});
}

[[noreturn]] void fail_unmatched(const std::string& place, const std::string& pattern,
                                 const std::vector<std::string>& names) {
  const std::string guess = weights::nearest_name(pattern, names);
  fail_at(place, "'" + pattern + "' matches no parameter of the model",
          guess.empty() ? "`mlrun inspect --model NAME` shows the layers" : guess);
}

}  // namespace

ParameterGroups::ParameterGroups(const Models& models, const config::OptimizerSection& section) {
  collect(models, section);
  claim(section);
  freeze();
}

void ParameterGroups::collect(const Models& models, const config::OptimizerSection& section) {
  for (const auto& [model, root] : models) {
    const Depths depths = section.layer_decay ? layer_depths(*root) : Depths();
    for (const nn::Layer* layer : root->all_layers()) {
      const std::string path = layer->path().empty() ? "" : layer->path() + ".";
      for (const auto& item : layer->named_parameters(/*recurse=*/false)) {
        Member member{model, path + item.key(), "", item.value(), "", {}, -1};
        member.full_name = models.size() == 1 ? member.name : model + "." + member.name;
        std::tie(member.group, member.treatment.weight_decay) = decay_group(section, *layer, item.key());
        if (section.layer_decay) {
          const std::int64_t depth = depths.of.at(member.name);
          member.treatment.lr_scale = std::pow(*section.layer_decay, static_cast<double>(depths.head - depth));
          member.group = "layer " + std::to_string(depth) + ", " + member.group;
        }
        members_.push_back(std::move(member));
      }
    }
  }
}

void ParameterGroups::claim(const config::OptimizerSection& section) {
  for (std::size_t g = 0; g < section.groups.size(); ++g) {
    const auto& group = section.groups[g];
    const std::string place = "." + std::to_string(g);
    bool any = false;
    for (std::size_t p = 0; p < group.match.size(); ++p) {
      bool matched = false;
      for (auto& member : members_) {
        if (!weights::matches(group.match[p], member.full_name)) continue;
        matched = true;
        if (member.claimed_by < 0) member.claimed_by = static_cast<int>(g);
        any = any || member.claimed_by == static_cast<int>(g);
      }
      if (matched) continue;
      std::vector<std::string> names;
      for (const auto& member : members_) names.push_back(member.full_name);
      fail_unmatched(place + ".match." + std::to_string(p), group.match[p], names);
    }
    if (!any) fail_at(place, "all parameters that it matches belong to groups before it", "put it before them");
  }
  for (auto& member : members_) {
    if (member.claimed_by < 0) continue;
    const auto& group = section.groups[static_cast<std::size_t>(member.claimed_by)];
    const auto layer = member.group.rfind(", ");  // keeps `layer 3, `
    member.group = (layer == std::string::npos ? "" : member.group.substr(0, layer + 2)) + "groups." +
                   std::to_string(member.claimed_by);
    if (group.weight_decay) member.treatment.weight_decay = group.weight_decay;
    member.treatment.lr_scale *= group.lr_scale;
  }
}

void ParameterGroups::freeze() {
  // What model.freeze names is no business of an optimizer.
  members_.erase(std::remove_if(members_.begin(), members_.end(),
                                [](const Member& member) { return !member.tensor.requires_grad(); }),
                 members_.end());
  bool any_left = false;
  for (auto& member : members_) {
    if (member.treatment.lr_scale == 0) member.tensor.set_requires_grad(false);
    else any_left = true;
  }
  if (!any_left && !members_.empty()) fail_at("", "leave no parameter to train", "give one an lr_scale above 0");
}

Parameters ParameterGroups::parameters(const std::string& model) const {
  NamedTensors tensors;
  std::vector<Treatment> treatments;
  for (const auto& member : members_) {
    if (member.model != model || member.treatment.lr_scale == 0) continue;
    tensors.emplace_back(member.name, member.tensor);
    treatments.push_back(member.treatment);
  }
  return {std::move(tensors), std::move(treatments)};
}

std::vector<GroupSummary> ParameterGroups::summary(double weight_decay) const {
  return summary([weight_decay](const std::string&) { return weight_decay; });
}

std::vector<GroupSummary> ParameterGroups::summary(
    const std::function<double(const std::string& model)>& weight_decay) const {
  std::vector<GroupSummary> groups;
  for (const auto& member : members_) {
    const bool frozen = member.treatment.lr_scale == 0;
    const double decay = frozen ? 0 : member.treatment.weight_decay.value_or(weight_decay(member.model));
    auto group = std::find_if(groups.begin(), groups.end(), [&](const GroupSummary& g) {
      return g.name == member.group && g.lr_scale == member.treatment.lr_scale && g.weight_decay == decay;
    });
    if (group == groups.end()) group = groups.insert(group, {member.group, member.treatment.lr_scale, decay});
    ++group->tensors;
    group->elements += member.tensor.numel();
  }
  return groups;
}

std::string group_table(const std::vector<GroupSummary>& groups) {
  using report::Align;
  report::Table table({{"group", Align::Left},
                       {"tensors", Align::Right},
                       {"parameters", Align::Right},
                       {"lr scale", Align::Right},
                       {"weight decay", Align::Right}});
  for (const auto& group : groups) {
    const bool frozen = group.lr_scale == 0;
    table.add({group.name, std::to_string(group.tensors), report::grouped(group.elements),
               frozen ? "frozen" : report::significant(group.lr_scale, 4),
               frozen ? "" : report::significant(group.weight_decay, 4)});
  }
  return table.text();
}

void log_groups(const std::vector<GroupSummary>& groups) {
  if (groups.size() < 2) return;
  std::istringstream lines(group_table(groups));
  for (std::string line; std::getline(lines, line);) log::info(line);
}

}  // namespace mlrun::optim
