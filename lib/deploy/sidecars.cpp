#include "deploy/sidecars.h"

#include "base/files.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

Json preprocess_json(const Subject& subject, const Json& input) {
  Json json = {{"schema", 1},
               {"model", subject.name},
               {"weights", subject.weights},
               {"input", input},
               {"output", {{"name", "output"}, {"meaning", "logits; softmax gives probabilities"}}},
               {"preprocessing", subject.preprocessing},
               {"golden", {{"file", "golden.safetensors"}, {"samples", subject.samples_from}}}};
  if (!subject.classes.empty()) json["classes"] = subject.classes;
  return json;
}

std::vector<fs::path> write_sidecars(const fs::path& folder, const Subject& subject, const Json& input) {
  std::vector<fs::path> names = {"preprocess.json", "golden.safetensors"};
  write_file(folder / names[0], json_text(preprocess_json(subject, input), 2) + "\n");
  const torch::NoGradGuard no_gradients;
  const Json ids = subject.sample_ids;
  weights::write_safetensors(folder / names[1],
                             {{"input", subject.samples}, {"output", subject.outputs(subject.samples)}},
                             {{"sample_ids", json_text(ids)}, {"samples", subject.samples_from}});
  if (subject.classes.empty()) return names;
  std::string text;
  for (const auto& name : subject.classes) text += name + "\n";
  names.emplace_back("classes.txt");
  write_file(folder / names.back(), text);
  return names;
}

}  // namespace mlrun::deploy
