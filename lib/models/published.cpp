#include "models/published.h"

#include <cmath>

#include "base/error.h"
#include "config/registry.h"

namespace mlrun::models {
namespace {

constexpr const char* kDownloads = "https://download.pytorch.org/models/";
constexpr const char* kFiguresSource = "torchvision 0.14.1, https://pytorch.org/vision/0.14/models.html";
constexpr std::int64_t kUsualCrop = 224;

/// Every way to write an entry's name, its own first.
std::vector<std::string> spellings(const PublishedWeights& weights, const std::string& model) {
  std::vector<std::string> all = {weights.name(), std::string(weights.group) + "." + weights.entry};
  if (weights.best) {
    all.insert(all.end(),
               {weights.model, std::string(weights.model) + "/DEFAULT", std::string(weights.group) + ".DEFAULT"});
  }
  if (model == weights.model) {
    all.emplace_back(weights.entry);
    if (weights.best) all.emplace_back("DEFAULT");
  }
  return all;
}

Json figures(const PublishedWeights& weights) {
  if (std::isnan(weights.figures.front())) return nullptr;
  Json json = Json::object();
  for (std::size_t i = 0; i < weights.figures.size(); ++i) {
    if (!std::isnan(weights.figures[i])) json[weights.data->metrics[i]] = weights.figures[i];
  }
  json["weights"] = weights.entry;
  json["source"] = kFiguresSource;
  return json;
}

/// The entry that the architecture's default options fit.
const PublishedWeights& usual_entry(const std::vector<const PublishedWeights*>& entries) {
  for (const auto* weights : entries) {
    if (std::string(weights->entry) == "IMAGENET1K_V1") return *weights;
  }
  for (const auto* weights : entries) {
    if (weights->crop_size == kUsualCrop) return *weights;
  }
  for (const auto* weights : entries) {
    if (weights->best) return *weights;
  }
  return *entries.front();
}

/// What decides how an image reaches the model.
Json image_preparation(const PublishedWeights& weights) {
  return {{"input_size", weights.crop_size},
          {"resize_size", weights.resize_size},
          {"interpolation", weights.interpolation},
          {"mean", weights.mean},
          {"std", weights.std},
          {"min_size", weights.min_size}};
}

}  // namespace

std::span<const char* const> person_categories() {
  static constexpr const char* kNames[] = {"no person", "person"};
  return kNames;
}

std::string PublishedWeights::url() const { return std::string(kDownloads) + file; }

double PublishedWeights::figure(std::string_view metric) const {
  for (std::size_t i = 0; i < figures.size(); ++i) {
    if (metric == data->metrics[i]) return figures[i];
  }
  return kNoFigure;
}

std::vector<const PublishedWeights*> published_weights(const std::string& model) {
  std::vector<const PublishedWeights*> found;
  for (const auto& weights : published_weights()) {
    if (model == weights.model) found.push_back(&weights);
  }
  return found;
}

const PublishedWeights* find_published(const std::string& name, const std::string& model) {
  for (const auto& weights : published_weights()) {
    for (const auto& spelling : spellings(weights, model)) {
      if (spelling == name) return &weights;
    }
  }
  return nullptr;
}

const PublishedWeights& published_at(const std::string& name, const std::string& model) {
  if (const auto* found = find_published(name, model)) return *found;
  std::vector<std::string> known;
  for (const auto& weights : published_weights()) {
    const auto all = spellings(weights, model);
    known.insert(known.end(), all.begin(), all.end());
  }
  const std::string guess = config::did_you_mean(name, known);
  throw UserError("no published weights are called '" + name + "'",
                  guess.empty() ? "`mlrun weights list` shows them" : guess);
}

Json published_json(const PublishedWeights& weights) {
  Json json = {{"name", weights.entry},       {"default", weights.best},  {"url", weights.url()},
               {"file", weights.file},        {"sha256", weights.sha256}, {"params", weights.params},
               {"metrics", figures(weights)}, {"recipe", weights.recipe}};
  json.update(image_preparation(weights));
  if (*weights.license != '\0') json["license"] = weights.license;
  return json;
}

Json published_facts(const std::string& model) {
  const auto entries = published_weights(model);
  MLRUN_ASSERT(!entries.empty(), "torchvision publishes no weights for '" + model + "'");
  const PublishedWeights& usual = usual_entry(entries);
  Json facts = {{"task", usual.data->task},
                {"num_classes", usual.data->categories().size()},
                {"channels", 3},
                {"metrics", figures(usual)}};
  facts.update(image_preparation(usual));
  facts["weights"] = Json::array();
  for (const auto* weights : entries) facts["weights"].push_back(published_json(*weights));
  return facts;
}

}  // namespace mlrun::models
