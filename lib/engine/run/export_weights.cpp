#include "engine/run/export_weights.h"

#include <map>

#include "base/error.h"
#include "base/output_place.h"
#include "base/temporary.h"
#include "engine/run/checkpoint.h"
#include "engine/run/initial_weights.h"
#include "engine/run/run_directory.h"
#include "engine/run/weight_choice.h"
#include "models/named_model.h"
#include "models/published.h"
#include "models/registry.h"
#include "nn/versions.h"
#include "weights/file.h"
#include "weights/finite.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

/// The target's format, from its option or else its name; UserError where it cannot be written.
std::string checked_format(const ExportTarget& target) {
  std::string format = target.format;
  if (format.empty()) {
    const std::string ending = target.file.extension().string();
    if (ending == ".safetensors") format = "safetensors";
    if (ending == ".pth" || ending == ".pt") format = "pth";
    if (format.empty()) throw file_error(target.file.string(), "does not tell a format", "add --format safetensors");
  }
  if (format != "safetensors" && format != "pth") {
    throw UserError("--format: there is no format '" + format + "'", "choose safetensors or pth");
  }
  if (fs::is_directory(target.file)) throw file_error(target.file.string(), "is a folder", "name a file");
  if (!target.force && replaces(target.file)) {
    throw file_error(target.file.string(), "exists already", "add --force to replace it, or choose another name");
  }
  return format;
}

Json write_weights(const ExportTarget& target, const std::string& format, const weights::NamedTensors& tensors,
                   const weights::Metadata& metadata, const weights::ModuleVersions& versions) {
  remove_leftovers_of(target.file);
  if (format == "pth") weights::write_pth(target.file, tensors, versions);
  else weights::write_safetensors(target.file, tensors, metadata);
  std::int64_t params = 0;
  for (const auto& item : tensors) params += item.second.numel();
  return {{"file", target.file.string()},
          {"format", format},
          {"bytes", fs::is_regular_file(target.file) ? Json(fs::file_size(target.file)) : Json()},
          {"tensors", tensors.size()},
          {"elements", params}};
}

/// The model that a file's metadata describe; null where they do not.
std::shared_ptr<nn::Layer> described_model(const weights::Metadata& metadata) {
  if (const auto recipe = metadata.find("recipe"); recipe != metadata.end()) {
    return models::model_of_recipe(recipe->second);
  }
  const auto name = metadata.find("model");
  if (name == metadata.end() || models::models().find(name->second) == nullptr) return nullptr;
  return models::make_named(name->second, {}).layer;
}

/// The file of a run, of a checkpoint's folder or itself.
fs::path weight_file(const fs::path& source, const std::string& choice) {
  if (!fs::exists(source)) throw file_error(source.string(), "does not exist");
  if (!fs::is_directory(source)) return source;
  if (fs::exists(source / "manifest.json")) {
    verify_checkpoint(source);
    return source / "model.safetensors";
  }
  RunDirectory::open(source);
  const fs::path file = choose_weights(source, choice).file;
  if (fs::exists(file.parent_path() / "manifest.json")) verify_checkpoint(file.parent_path());
  return file;
}

}  // namespace

weights::Metadata model_metadata(const models::NamedModel& model) {
  weights::Metadata metadata = {{"format", "pt"}, {"model", model.section.architecture.name}};
  Json preprocessing = {{"channels", model.channels}};
  preprocessing.update(models::preprocessing_facts(model.section));
  metadata["preprocessing"] = json_text(preprocessing);
  const auto* published = models::published_weights_of(model.section);
  if (published != nullptr && published->model == model.section.architecture.name &&
      !models::reinitialises(model.section)) {
    const auto classes = published->data->categories();
    metadata["classes"] = json_text(std::vector<std::string>(classes.begin(), classes.end()));
    metadata["weights"] = model.section.weights.file->string();
  }
  return metadata;
}

weights::ModuleVersions versions_of(const weights::WeightFile& file) {
  if (!file.versions.empty()) return file.versions;
  const auto model = described_model(file.metadata);
  if (!model) return {};
  weights::ModuleVersions versions = nn::module_versions(*model);
  const std::map<std::string, std::int64_t> known(versions.begin(), versions.end());
  for (const auto& module : weights::module_versions(file.tensors)) {
    if (known.count(module.first) == 0) return {};  // of other options than the metadata say
  }
  return versions;
}

Json export_file(const fs::path& source, const std::string& choice, const ExportTarget& target) {
  const std::string format = checked_format(target);
  const fs::path file = weight_file(source, choice);
  const weights::WeightFile content = weights::read_weights(file, fs::is_directory(source) ? "" : choice);
  weights::refuse_not_finite(content.tensors, file.string());
  weights::Metadata metadata = content.metadata;
  metadata["format"] = "pt";
  Json result = write_weights(target, format, content.tensors, metadata,
                              format == "pth" ? versions_of(content) : weights::ModuleVersions());
  result["source"] = file.string();
  result["notes"] = content.notes;
  if (format == "pth" && metadata.size() > 1) {  // more than `format`
    result["notes"].push_back("metadata is left out: a .pth file holds tensors alone");
  }
  return result;
}

Json export_model(const std::string& name, const std::vector<config::Override>& overrides, std::uint64_t seed,
                  const ExportTarget& target) {
  const std::string format = checked_format(target);
  const models::NamedModel model = models::make_named(name, overrides);
  nn::initialise(*model.layer, seed);
  if (model.section.weights.file) load_initial_weights(*model.layer, model.section);
  Json result = write_weights(target, format, nn::state_dict(*model.layer), model_metadata(model),
                              nn::module_versions(*model.layer));
  result["model"] = model.section.architecture.name;
  result["seed"] = seed;
  result["notes"] = Json::array();
  return result;
}

}  // namespace mlrun::engine
