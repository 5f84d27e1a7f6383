#include "models/named_model.h"

#include "base/error.h"
#include "config/bind.h"
#include "config/tasks_of.h"
#include "models/batch_norms.h"
#include "models/published.h"
#include "models/registry.h"

namespace mlrun::models {
namespace {

/// The one section of a recipe that a model needs.
struct ModelRecipe {
  config::ModelSection model;

  static void declare(config::Declare<ModelRecipe>& d) { d("model", &ModelRecipe::model, "the network").required(); }
};

const config::Catalogue& model_catalogue() {
  static const config::Catalogue catalogue = [] {
    config::Catalogue all;
    all.add(models());
    return all;
  }();
  return catalogue;
}

config::ModelSection bound_section(const std::string& name, const std::vector<config::Override>& overrides) {
  config::LayerRequest request;
  request.overrides = overrides;
  request.overrides.insert(request.overrides.begin(), config::Override{"model.name", name});
  const auto spec = config::spec_of<ModelRecipe>();
  config::Layered layered = config::read_layers(request, *spec, model_catalogue());
  ModelRecipe recipe;
  config::Provenance provenance;
  std::vector<Problem> problems = std::move(layered.problems);
  if (problems.empty()) config::bind_node(layered.root, *spec, model_catalogue(), &recipe, "", provenance, problems);
  if (!problems.empty()) throw UserError(std::move(problems));
  return recipe.model;
}

/// The facts of the published weights that the section names, else of the architecture.
Json evaluation_facts(const config::ModelSection& section) {
  const std::string name = section.weights.file ? section.weights.file->string() : "";
  const auto* published = config::looks_like_name(name) ? find_published(name, section.architecture.name) : nullptr;
  const bool own = published != nullptr && published->model == section.architecture.name;  // or its backbone's
  return own ? published_json(*published) : models().at(section.architecture.name).facts;
}

}  // namespace

void check_num_classes(const config::Component& architecture, std::int64_t classes) {
  const auto outputs = integer_option(architecture, "num_classes");
  if (!outputs || *outputs == classes) return;
  throw UserError(Problem{"", 0, 0, "model.num_classes",
                          "is " + std::to_string(*outputs) + " where the data have " + std::to_string(classes) +
                              (classes == 1 ? " class" : " classes"),
                          "leave it out: the model gets as many outputs as the data have classes"});
}

std::optional<std::int64_t> integer_option(const config::Component& architecture, const std::string& name) {
  const config::Field* field = models().at(architecture.name).options->find(name);
  const Json value = field != nullptr && field->get ? field->get(architecture.options.get()) : Json();
  return value.is_number_integer() ? std::optional<std::int64_t>(value.get<std::int64_t>()) : std::nullopt;
}

Json preprocessing_facts(const config::ModelSection& section) {
  const Json facts = evaluation_facts(section);
  const auto crop = facts.value("input_size", std::int64_t{224}), shorter = facts.value("resize_size", crop);
  const std::int64_t size = integer_option(section.architecture, "image_size").value_or(crop);
  Json result = {{"input_size", size}, {"resize_size", (shorter * size + crop / 2) / crop}};
  for (const char* key : {"interpolation", "mean", "std"}) {
    if (facts.contains(key)) result[key] = facts.at(key);
  }
  return result;
}

std::string made_up_recipe(const NamedModel& model, const std::string& format, std::int64_t batch, std::int64_t size,
                           const std::string& transform) {
  const std::string pixels = std::to_string(size);
  const std::string normalize = model.channels == 3 ? "normalize" : "{name: normalize, mean: [0.5], std: [0.5]}";
  const std::string chosen = transform.empty() ? normalize : transform;
  return "task: " + model.task + "\nmodel: {name: " + model.section.architecture.name + "}\ndata: {format: " + format +
         ", val_samples: 0, test_samples: 0, train_samples: " + std::to_string(batch) +
         ", num_classes: " + std::to_string(model.num_classes) + ", height: " + pixels + ", width: " + pixels +
         ", channels: " + std::to_string(model.channels) + ", augment: [" + chosen + "], preprocess: [" + chosen +
         "]}\ntrain: {batch_size: " + std::to_string(batch) +
         ", memory_format: auto}\noptimizer: {name: sgd, lr: 0.01, momentum: 0.9}\n";
}

std::shared_ptr<nn::Layer> model_of_recipe(const std::string& text) {
  try {
    const config::Node recipe = config::parse_yaml(text, "recipe");
    const config::Node* model = recipe.find("model");
    if (model == nullptr) return nullptr;
    config::Node root = recipe;
    root.entries = {{"model", model->origin, *model}};
    ModelRecipe bound;
    config::Provenance provenance;
    std::vector<Problem> problems;
    config::bind_node(root, *config::spec_of<ModelRecipe>(), model_catalogue(), &bound, "", provenance, problems);
    if (!problems.empty()) return nullptr;
    const Json& facts = models().at(bound.model.architecture.name).facts;
    return models().make(bound.model.architecture, ModelRequest{facts.value("num_classes", std::int64_t{1000}),
                                                                facts.value("channels", std::int64_t{3})});
  } catch (const UserError&) {
    return nullptr;
  }
}

NamedModel make_named(const std::string& name, const std::vector<config::Override>& overrides) {
  models().at(name);  // an unknown name is told without a place
  NamedModel model;
  model.section = bound_section(name, overrides);
  const config::Component& architecture = model.section.architecture;
  const Json& facts = models().at(architecture.name).facts;
  const auto tasks = config::tasks_of(models().at(architecture.name));
  model.task = tasks.empty() ? "" : tasks.front();
  model.channels = facts.value("channels", std::int64_t{3});
  model.num_classes =
      integer_option(architecture, "num_classes").value_or(facts.value("num_classes", std::int64_t{1000}));
  model.input_size = integer_option(architecture, "image_size").value_or(facts.value("input_size", std::int64_t{224}));
  model.layer = models().make(architecture, ModelRequest{model.num_classes, model.channels});
  set_batch_norms(model.section.batch_norm, {model.layer.get()});
  return model;
}

}  // namespace mlrun::models
