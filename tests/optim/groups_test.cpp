#include "optim/groups.h"

#include "models/registry.h"
#include "nn/layers.h"
#include "optim/clip.h"
#include "optim/optimizers.h"

using namespace mlrun;
using optim::ParameterGroups;

namespace {

/// The model of scripts/fixtures/optim.py.
struct SmallModel : nn::Sequential {
  SmallModel() : Sequential("Small") {
    push("conv", std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 3, .out = 4, .kernel = 2}));
    push("norm", std::make_shared<nn::BatchNorm2d>(4));
    push("head", std::make_shared<nn::Linear>(4, 3));
    nn::name_layers(*this);
  }
};

/// The section with `values` set through its declaration, as a recipe would.
config::OptimizerSection grouped_section(const Json& values) {
  config::OptimizerSection section;
  const auto spec = config::spec_of<config::OptimizerSection>();
  const auto group_spec = config::spec_of<config::ParameterGroupOptions>();
  for (const auto& [key, value] : values.items()) {
    if (key != "groups") {
      spec->find(key)->set(&section, value);
      continue;
    }
    for (const auto& group : value) {
      section.groups.emplace_back();
      for (const auto& [name, item] : group.items()) group_spec->find(name)->set(&section.groups.back(), item);
    }
  }
  return section;
}

ParameterGroups::Models one(std::shared_ptr<nn::Layer> model) { return {{"model", std::move(model)}}; }

std::optional<double> number_of(const Json& values, const char* key) {
  return values.contains(key) ? std::optional<double>(values[key].get<double>()) : std::nullopt;
}

/// All parameters after three updates of a fixture, in one row.
torch::Tensor after_updates(const Json& reference, torch::Dtype dtype) {
  const auto model = std::make_shared<SmallModel>();
  model->to(dtype);
  const std::int64_t size = 48 + 4 + 4 + 4 + 12 + 3;
  const torch::Tensor start = test::start_values(size).to(dtype);
  const torch::NoGradGuard no_grad;
  std::int64_t at = 0;
  for (auto& parameter : model->parameters()) {
    parameter.copy_(start.narrow(0, at, parameter.numel()).view_as(parameter));
    at += parameter.numel();
  }
  const ParameterGroups groups(one(model), grouped_section(reference["section"]));
  const auto method = test::component(optim::optimizers(), reference["name"], reference["options"]);
  const auto tested = optim::optimizers().make(method, groups.parameters("model"));
  const Json& clip = reference["clip"];
  const optim::Clipping clipping{number_of(clip, "norm"), number_of(clip, "value"), number_of(clip, "agc")};
  for (std::int64_t t = 0; t < 3; ++t) {
    const torch::Tensor gradients = test::gradient_values(size, t).to(dtype);
    at = 0;
    for (auto& parameter : model->parameters()) {
      if (parameter.requires_grad()) {
        parameter.mutable_grad() = gradients.narrow(0, at, parameter.numel()).view_as(parameter).clone();
      }
      at += parameter.numel();
    }
    clipping.apply(tested->parameters());
    tested->step(tested->base_lr());
  }
  std::vector<torch::Tensor> rows;
  for (const auto& parameter : model->parameters()) rows.push_back(parameter.flatten());
  return torch::cat(rows);
}

optim::GroupSummary summary_named(const ParameterGroups& groups, const std::string& name) {
  for (const auto& group : groups.summary(0.1)) {
    if (group.name == name) return group;
  }
  FAIL("no group " << name);
  return {};
}

std::string grouping_error(const Json& values) {
  return test::user_error([&] { ParameterGroups(one(std::make_shared<SmallModel>()), grouped_section(values)); });
}

}  // namespace

TEST_CASE("whole optimizers with groups and clipping follow torch.optim", "[optim]") {
  const auto references = Json::parse(read_file(test::fixture("optim/groups.json")));
  REQUIRE(references.size() == 8);
  for (const auto& reference : references) {
    INFO(reference["name"] << ' ' << reference["options"].dump() << ' ' << reference["section"].dump() << ' '
                           << reference["clip"].dump());
    for (const auto& [key, dtype, tolerance] :
         {std::tuple{"float64", torch::kFloat64, 1e-12}, std::tuple{"float32", torch::kFloat32, 1e-6}}) {
      const auto expected = torch::tensor(reference[key].get<std::vector<double>>(), torch::kFloat64);
      CHECK(test::relative_difference(after_updates(reference, dtype), expected) < tolerance);
    }
  }
}

TEST_CASE("weight decay is divided as torchvision's references divide it", "[optim]") {
  const auto references = Json::parse(read_file(test::fixture("optim/decay_groups.json")));
  REQUIRE(references.size() == 24);
  for (const auto& reference : references) {
    const std::string name = reference["model"];
    INFO(name << ' ' << reference["section"].dump());
    const auto model = models::models().make(models::models().defaults(name), {});
    const ParameterGroups groups(one(model), grouped_section(reference["section"]));
    CHECK(groups.summary(0.1).size() == reference["groups"].size());
    for (const auto& [group, counts] : reference["groups"].items()) {
      const auto summary = summary_named(groups, group);
      CHECK(summary.tensors == counts[0].get<std::int64_t>());
      CHECK(summary.elements == counts[1].get<std::int64_t>());
      CHECK(summary.lr_scale == 1);
      CHECK(summary.weight_decay == (group == "other" ? 0.1 : 0.0));
    }
  }
}

TEST_CASE("without options all parameters stand in their order as the optimizer treats them", "[optim]") {
  for (const char* name : {"resnet18", "mobilenet_v3_small", "vit_b_32", "swin_v2_t", "maxvit_t", "googlenet"}) {
    INFO(name);
    const auto model = models::models().make(models::models().defaults(name), {});
    const ParameterGroups groups(one(model), {});
    const auto parameters = groups.parameters("model");
    const auto expected = model->named_parameters();
    REQUIRE(parameters.tensors.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(parameters.tensors[i].first == expected[i].key());
      CHECK(parameters.tensors[i].second.is_same(expected[i].value()));
      CHECK(parameters.treatments[i].lr_scale == 1);
      CHECK_FALSE(parameters.treatments[i].weight_decay.has_value());
    }
    CHECK(groups.summary(0.1).size() == 1);
  }
}

TEST_CASE("the first group that matches counts, before all rules", "[optim]") {
  const auto model = std::make_shared<SmallModel>();
  const ParameterGroups groups(
      one(model),
      grouped_section(
          {{"norm_weight_decay", 0.0},
           {"layer_decay", 0.5},
           {"groups", {{{"match", {"norm"}}, {"lr_scale", 3.0}}, {{"match", {"*.bias"}}, {"weight_decay", 0.7}}}}}));
  const auto norm = summary_named(groups, "layer 0, groups.0");
  CHECK(norm.tensors == 2);
  CHECK(norm.lr_scale == 1.5);
  CHECK(norm.weight_decay == 0);  // the group names none: as without it
  const auto bias = summary_named(groups, "layer 1, groups.1");
  CHECK(bias.elements == 3);
  CHECK(bias.lr_scale == 1);
  CHECK(bias.weight_decay == 0.7);
  CHECK(summary_named(groups, "layer 0, other").elements == 48);
}

TEST_CASE("parameters with lr_scale 0 are left alone", "[optim]") {
  const auto model = std::make_shared<SmallModel>();
  const ParameterGroups groups(one(model),
                               grouped_section({{"groups", {{{"match", {"conv", "norm"}}, {"lr_scale", 0.0}}}}}));
  const auto parameters = groups.parameters("model");
  REQUIRE(parameters.tensors.size() == 2);
  CHECK(parameters.tensors[0].first == "head.weight");
  for (const auto& item : model->named_parameters()) {
    CHECK(item.value().requires_grad() == (item.key().rfind("head", 0) == 0));
  }
  CHECK(summary_named(groups, "groups.0").elements == 60);
  CHECK(groups.summary(0.1).size() == 2);
  CHECK(summary_named(groups, "groups.0").lr_scale == 0);
}

TEST_CASE("several models have their own parameters under prefixed names", "[optim]") {
  const ParameterGroups::Models both = {{"generator", std::make_shared<SmallModel>()},
                                        {"critic", std::make_shared<SmallModel>()}};
  const ParameterGroups groups(both, grouped_section({{"groups", {{{"match", {"critic.head"}}, {"lr_scale", 2.0}}}}}));
  CHECK(groups.parameters("critic").treatments.back().lr_scale == 2);
  CHECK(groups.parameters("generator").treatments.back().lr_scale == 1);
  CHECK(groups.parameters("critic").tensors.back().first == "head.bias");
  CHECK(groups.parameters("critic").tensors.back().second.is_same(both[1].second->parameters().back()));
}

TEST_CASE("groups that do nothing are refused", "[optim]") {
  CHECK(grouping_error({{"groups", {{{"match", {"conv", "haed"}}}}}}) ==
        "optimizer.groups.0.match.1: 'haed' matches no parameter of the model; did you mean head?");
  CHECK(grouping_error({{"groups", {{{"match", {"nothing.like.it"}}}}}}) ==
        "optimizer.groups.0.match.0: 'nothing.like.it' matches no parameter of the model; `mlrun inspect --model NAME` "
        "shows the layers");
  CHECK(grouping_error({{"groups", {{{"match", {"*"}}}, {{"match", {"head"}}}}}}) ==
        "optimizer.groups.1: all parameters that it matches belong to groups before it; put it before them");
  CHECK(grouping_error({{"groups", {{{"match", {"*"}}, {"lr_scale", 0.0}}}}}) ==
        "optimizer.groups: leave no parameter to train; give one an lr_scale above 0");
}

TEST_CASE("groups are shown with what is particular to them", "[optim]") {
  CHECK(
      optim::group_table({{"other", 1, 0.05, 3, 1234567}, {"groups.0", 0, 0.05, 1, 64}, {"norm", 0.125, 0, 20, 960}}) ==
      "group     tensors  parameters  lr scale  weight decay\n"
      "--------  -------  ----------  --------  ------------\n"
      "other           3   1,234,567         1          0.05\n"
      "groups.0        1          64    frozen\n"
      "norm           20         960     0.125             0\n");
}
