#include "models/named_model.h"

#include "base/error.h"
#include "config/bind.h"
#include "config/tasks_of.h"
#include "models/batch_norms.h"
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

bool is_own(const PublishedWeights* weights, const config::ModelSection& section) {
  return weights != nullptr && weights->model == section.architecture.name;
}

/// The facts of the published weights that the section names, else of the architecture.
Json evaluation_facts(const config::ModelSection& section) {
  const auto* published = published_weights_of(section);
  return is_own(published, section) ? published_json(*published) : models().at(section.architecture.name).facts;
}

}  // namespace

bool reinitialises(const config::ModelSection& section) {
  return section.head == "reinit" || section.weights.head == "reinit";
}

const PublishedWeights* published_weights_of(const config::ModelSection& section) {
  const std::string name = section.weights.file ? section.weights.file->string() : "";
  return config::looks_like_name(name) ? find_published(name, section.architecture.name) : nullptr;
}

Json options_for_weights(const config::ModelSection& section) {
  const config::Component& architecture = section.architecture;
  const config::Entry& entry = models().at(architecture.name);
  const auto* weights = published_weights_of(section);
  Json wanted = Json::object();
  if (weights == nullptr || !entry.facts.contains("pretrained")) return wanted;
  const Json& pretrained = entry.facts.at("pretrained");
  wanted = pretrained.at("any");
  if (is_own(weights, section)) {
    wanted.update(pretrained.value(weights->entry, Json::object()));
    if (!reinitialises(section)) wanted["num_classes"] = weights->data->categories().size();
  }
  const auto own = [&](const std::string& name) { return entry.options->find(name)->get(architecture.options.get()); };
  const bool other_norm = wanted.contains("norm") && !own("norm").is_null() && own("norm") != wanted["norm"];
  if (other_norm) wanted.erase("norm_eps");  // is the frozen norms' alone
  Json options = Json::object();
  for (const auto& [name, value] : wanted.items()) {
    if (own(name).is_null()) options[name] = value;
  }
  return options;
}

config::Component architecture_for_weights(const config::ModelSection& section) {
  const Json wanted = options_for_weights(section);
  if (wanted.empty()) return section.architecture;
  const config::Spec& spec = *models().at(section.architecture.name).options;
  config::Component architecture{section.architecture.name, spec.make()};
  for (const config::Field& field : spec.fields) {
    MLRUN_ASSERT(field.get && field.set, "an option of a pretrained architecture that is no scalar");
    field.set(architecture.options.get(), wanted.value(field.name, field.get(section.architecture.options.get())));
  }
  return architecture;
}

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
    return models().make(
        architecture_for_weights(bound.model),
        ModelRequest{facts.value("num_classes", std::int64_t{1000}), facts.value("channels", std::int64_t{3})});
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
  model.layer = models().make(architecture_for_weights(model.section), ModelRequest{model.num_classes, model.channels});
  set_batch_norms(model.section.batch_norm, {model.layer.get()});
  return model;
}

}  // namespace mlrun::models
