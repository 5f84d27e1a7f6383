#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace mlrun::engine {

struct StarterRequest {
  std::filesystem::path root;    ///< the data
  std::string format;            ///< a source's name; empty: found out
  std::string model;             ///< empty: chosen
  std::filesystem::path recipe;  ///< the file that will be written
};

/// A first recipe for a data set.
struct Starter {
  std::string text;     ///< YAML with comments
  std::string summary;  ///< what was found, for people
  Json json = Json::object();
};

/// One with a line for each of these `warnings` behind its summary, and its facts: what was found and what was chosen.
Starter starter_of(std::string text, std::string summary, const std::vector<std::string>& warnings, Json data,
                   Json choices);

/// What a task makes of data of its kind: `mlrun init TASK DATA`.
struct StarterKind {
  std::string task;
  std::string help;        ///< which data it is for
  std::string model_help;  ///< which model it chooses
  /// Looks at the data and writes the recipe that an expert would begin with. Nothing is written to disk. UserError
  /// where there are no data of a known kind, too few of them, or no such model.
  std::function<Starter(const StarterRequest&)> make;
};

/// `key: value` with the quotes that YAML asks for.
std::string yaml_entry(const std::string& key, const Json& value);

/// `root` as the recipe names it: relative where the data lie beside or below it, so that both can be moved together.
std::string starter_root(const std::filesystem::path& root, const std::filesystem::path& recipe);

/// In one line, so that no name can end the comment it stands in.
std::string comment_text(std::string text);

/// The head of a recipe: how it is used, `found`, lines without `#`, and what to mind of it.
std::string starter_header(const std::filesystem::path& recipe, const std::string& found,
                           const std::vector<std::string>& warnings);

/// What the training images give to splits that the data lack: shares of them; 0: none.
struct StarterSplit {
  double val = 0, test = 0;
};
constexpr const char* kNoTestSplit = "too few images for a test split: the figures of val are all there is";
/// For `train` training images. `warnings` gets one where they do not suffice for a test split.
StarterSplit starter_split(std::int64_t train, bool has_val, bool has_test, std::vector<std::string>& warnings);

/// For data that have their own.
std::string own_splits_text(bool has_test);
/// The line of `data.split`, or that of data that have their own.
std::string split_text(const StarterSplit& split, bool has_test);

/// How long a first training is, in what steps and at what rate.
struct StarterTraining {
  std::int64_t epochs = 0, batch_size = 0, warmup = 1;  ///< warmup: epochs
  std::string lr = "1e-3", weight_decay = "1e-2";       ///< of AdamW
  std::string epochs_note = "passes over the training images; more are seldom worse, the best one is kept";
  std::string more{};  ///< further lines of `train`
};
/// Epochs that make about `steps` optimizer steps of `images` images, from `fewest` to `most` of them.
std::int64_t epochs_of_steps(double steps, double images, std::int64_t batch_size, std::int64_t fewest,
                             std::int64_t most);
/// The sections `train`, `optimizer` and `schedule`.
std::string training_text(const StarterTraining& training);

}  // namespace mlrun::engine
