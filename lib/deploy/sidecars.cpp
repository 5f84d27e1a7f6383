#include "deploy/sidecars.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

SidecarNames::SidecarNames(const fs::path& model)
    : preprocess(model.string() + ".preprocess.json"),
      golden(model.string() + ".golden.safetensors"),
      classes(model.string() + ".classes.txt") {}

namespace {

/// How many boxes there are in each sample, int64 [N].
torch::Tensor found_counts(const ExportSubject& subject) {
  std::vector<std::int64_t> counts;
  for (const auto& image : subject.samples.front().split(1)) counts.push_back(subject.outputs({image}).front().size(0));
  return torch::tensor(counts, torch::kLong);
}

}  // namespace

Json preprocess_json(const ExportSubject& subject, const fs::path& model, const Json& input) {
  Json outputs = Json::array();
  for (const auto& name : nn::tensor_names(subject.interface.outputs)) outputs.push_back({{"name", name}});
  const bool one = outputs.size() == 1;
  Json json = {{"schema", 1},
               {"model", subject.name},
               {"weights", subject.weights},
               {input.is_array() ? "inputs" : "input", input},
               {one ? "output" : "outputs", one ? outputs.front() : outputs},
               {"preprocessing", subject.preprocessing},
               {"golden", {{"file", SidecarNames(model).golden.string()}, {"samples", subject.samples_from}}}};
  if (!subject.outputs_json.is_null()) json["outputs"] = subject.outputs_json;
  if (subject.classes.empty()) return json;
  if (one) json["output"]["meaning"] = "logits; softmax gives probabilities";
  json["classes"] = subject.classes;
  return json;
}

std::vector<fs::path> write_sidecars(const fs::path& folder, const fs::path& model, const ExportSubject& subject,
                                     const Json& input) {
  const SidecarNames names(model);
  write_file(folder / names.preprocess, json_text(preprocess_json(subject, model, input), 2) + "\n");
  const torch::NoGradGuard no_gradients;
  const Json ids = subject.sample_ids;
  weights::NamedTensors golden;
  const auto add = [&golden](const std::vector<nn::Port>& ports, const nn::Tensors& tensors) {
    const auto keys = nn::tensor_names(ports);
    for (std::size_t i = 0; i < tensors.size(); ++i) golden.emplace_back(keys.at(i), tensors[i].contiguous());
  };
  add(subject.interface.inputs, subject.samples);
  add(subject.interface.outputs, subject.outputs(subject.samples));
  if (subject.finds) golden.emplace_back("counts", found_counts(subject));
  weights::write_safetensors(folder / names.golden, golden,
                             {{"sample_ids", json_text(ids)}, {"samples", subject.samples_from}});
  if (subject.classes.empty()) return {names.preprocess, names.golden};
  std::string text;
  for (const auto& name : subject.classes) text += name + "\n";
  write_file(folder / names.classes, text);
  return names.all();
}

}  // namespace mlrun::deploy
