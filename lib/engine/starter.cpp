#include "engine/starter.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "base/shell_text.h"
#include "config/bind.h"
#include "report/format.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

/// A line of a recipe with its comment, under those of its neighbours.
std::string commented(std::string line, const std::string& comment) {
  constexpr std::size_t kColumn = 18;
  line.resize(std::max(kColumn, line.size() + 2), ' ');
  return line + "# " + comment + "\n";
}

}  // namespace

std::string yaml_entry(const std::string& key, const Json& value) { return config::to_yaml({{key, value}}); }

std::string starter_root(const fs::path& root, const fs::path& recipe) {
  const fs::path folder = fs::weakly_canonical(fs::absolute(recipe).parent_path());
  const fs::path data = fs::weakly_canonical(fs::absolute(root));
  const fs::path relative = data.lexically_relative(folder);
  return relative.empty() || *relative.begin() == ".." ? data.string() : relative.string();
}

Starter starter_of(std::string text, std::string summary, const std::vector<std::string>& warnings, Json data,
                   Json choices) {
  for (const auto& warning : warnings) summary += "mind      " + warning + "\n";
  return {std::move(text),
          std::move(summary),
          {{"data", std::move(data)}, {"choices", std::move(choices)}, {"warnings", warnings}}};
}

std::string comment_text(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

std::string starter_header(const fs::path& recipe, const std::string& found, const std::vector<std::string>& warnings) {
  const std::string file = comment_text(shell_word(recipe.filename().string()));
  std::string text =
      "# A first recipe, by `mlrun init`. Change what you like: `mlrun config reference` explains every key.\n"
      "#   mlrun train " +
      file +
      " --dry-run    tells how long it will take\n"
      "#   mlrun train " +
      file + "              trains; the result lies in runs/" + comment_text(recipe.stem().string()) +
      "\n"
      "#   mlrun data show " +
      file + "          draws samples as the network sees them\n#\n";
  std::istringstream lines(found);
  for (std::string line; std::getline(lines, line);) text += "# " + line + "\n";
  for (const auto& warning : warnings) text += "# Mind: " + comment_text(warning) + ".\n";
  return text;
}

StarterSplit starter_split(std::int64_t train, bool has_val, bool has_test, std::vector<std::string>& warnings) {
  constexpr std::int64_t kFew = 100;
  StarterSplit split;
  if (!has_val) split.val = train < kFew ? 0.2 : 0.15;
  if (has_val || has_test) return split;
  if (train >= kFew) split.test = 0.15;
  else warnings.emplace_back(kNoTestSplit);
  return split;
}

std::string own_splits_text(bool has_test) {
  return std::string("  # Your own splits train and val") + (has_test ? " and test" : "") + " are used as they are.\n";
}

std::string split_text(const StarterSplit& split, bool has_test) {
  if (split.val == 0) return own_splits_text(has_test);
  std::string text = "  split: {val: " + report::shortest(split.val);
  if (split.test > 0) text += ", test: " + report::shortest(split.test);
  return text + ", seed: 0}  # held out of the training images; val chooses the best epoch" +
         (split.test > 0 ? ", test is only for the end" : "") + "\n";
}

std::int64_t epochs_of_steps(double steps, double images, std::int64_t batch_size, std::int64_t fewest,
                             std::int64_t most) {
  const double each = std::max(1.0, images / static_cast<double>(batch_size));
  return std::clamp<std::int64_t>(std::llround(steps / each), fewest, most);
}

std::string training_text(const StarterTraining& training) {
  return "train:\n" + commented("  epochs: " + std::to_string(training.epochs), training.epochs_note) +
         commented("  batch_size: " + std::to_string(training.batch_size), "lower it where memory is short") +
         training.more + "  seed: 0\n\noptimizer: {name: adamw, lr: " + training.lr +
         ", weight_decay: " + training.weight_decay +
         "}  # lr matters most: try a third and three times of it\nschedule: {name: cosine, warmup: " +
         std::to_string(training.warmup) + (training.warmup == 1 ? " epoch" : " epochs") + ", interval: step}\n";
}

}  // namespace mlrun::engine
