#include "engine/average/weight_source.h"

#include "base/error.h"
#include "engine/run/checkpoint.h"
#include "engine/run/initial_weights.h"
#include "engine/run/model_state.h"
#include "engine/run/run_directory.h"
#include "weights/finite.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

/// What mlrun wrote carries the recipe; all else is brought to the model as `model.weights` is.
bool is_ours(const fs::path& file) {
  if (file.extension() != ".safetensors") return false;
  return weights::read_safetensors_header(file).metadata.count("recipe") != 0;
}

/// The recipe with these weights to start from. Where they are its own, it also says how to load them.
config::Resolved with_weights(const config::Resolved& resolved, const fs::path& file) {
  config::Resolved other = resolved;
  config::ModelSection& model = other.recipe.model;
  if (model.weights.file == file) return other;
  model.weights = {};
  model.weights.file = file;
  model.head = "keep";
  return other;
}

void load_foreign(Task& task, const config::Recipe& recipe) {
  const config::WeightsSection& how = recipe.model.weights;
  const bool whole = how.strict && how.skip.empty() && how.head == "keep" && recipe.model.head == "keep";
  if (!whole)
    draw_weights(task.models(), static_cast<std::uint64_t>(recipe.train.seed));  // what the file does not fill
  apply_initial_weights(task, recipe);
}

class FileWeights : public WeightSource {
 public:
  FileWeights(const config::Resolved& resolved, const WeightChoice& choice)
      : choice_(choice), with_weights_(with_weights(resolved, choice.file)) {
    if (fs::exists(choice.file.parent_path() / "manifest.json")) verify_checkpoint(choice.file.parent_path());
    ours_ = is_ours(choice.file);
    if (!ours_ && !choice.install) check_initial_weights(with_weights_);
  }

  std::int64_t draws() const override { return 1; }
  std::string name(std::int64_t) const override { return choice_.name; }

  std::optional<data::DataInfo> known() const override {
    if (!ours_) return choice_.known;
    const auto metadata = weights::read_safetensors_header(choice_.file).metadata;
    const auto info = metadata.find("data");
    if (info == metadata.end()) return std::nullopt;
    return data_info(parse_json(info->second));
  }

  void apply(Task& task, const Context& context, std::int64_t, std::uint64_t) const override {
    if (choice_.install) {
      install(task, context);
      return;
    }
    if (ours_) {
      const auto tensors = weights::read_safetensors(choice_.file).tensors;
      weights::refuse_not_finite(tensors, choice_.file.string());
      load_model_tensors(task.models(), tensors, choice_.file.string());
    } else {
      load_foreign(task, with_weights_.recipe);
    }
    for (const auto& model : task.models()) {
      place(*model.second, context);
      model.second->eval();
    }
  }

 private:
  void install(Task& task, const Context& context) const {
    for (const auto& model : task.models()) {
      place(*model.second, context);
      model.second->eval();
    }
    choice_.install(task.models(), context);
  }

  WeightChoice choice_;
  config::Resolved with_weights_;
  bool ours_ = false;
};

}  // namespace

std::unique_ptr<WeightSource> file_weights(const config::Resolved& resolved, const WeightChoice& weights) {
  return std::make_unique<FileWeights>(resolved, weights);
}

}  // namespace mlrun::engine
