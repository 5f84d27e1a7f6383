#include "deploy/sidecars.h"

#include "base/files.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

SidecarNames::SidecarNames(const fs::path& model)
    : preprocess(model.string() + ".preprocess.json"),
      golden(model.string() + ".golden.safetensors"),
      classes(model.string() + ".classes.txt") {}

Json preprocess_json(const Subject& subject, const fs::path& model, const Json& input) {
  Json json = {{"schema", 1},
               {"model", subject.name},
               {"weights", subject.weights},
               {"input", input},
               {"output", {{"name", "output"}}},
               {"preprocessing", subject.preprocessing},
               {"golden", {{"file", SidecarNames(model).golden.string()}, {"samples", subject.samples_from}}}};
  if (subject.classes.empty()) return json;
  json["output"]["meaning"] = "logits; softmax gives probabilities";
  json["classes"] = subject.classes;
  return json;
}

std::vector<fs::path> write_sidecars(const fs::path& folder, const fs::path& model, const Subject& subject,
                                     const Json& input) {
  const SidecarNames names(model);
  write_file(folder / names.preprocess, json_text(preprocess_json(subject, model, input), 2) + "\n");
  const torch::NoGradGuard no_gradients;
  const Json ids = subject.sample_ids;
  weights::write_safetensors(folder / names.golden,
                             {{"input", subject.samples}, {"output", subject.outputs(subject.samples)}},
                             {{"sample_ids", json_text(ids)}, {"samples", subject.samples_from}});
  if (subject.classes.empty()) return {names.preprocess, names.golden};
  std::string text;
  for (const auto& name : subject.classes) text += name + "\n";
  write_file(folder / names.classes, text);
  return names.all();
}

}  // namespace mlrun::deploy
