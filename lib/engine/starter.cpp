#include "engine/starter.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/shell_text.h"
#include "config/bind.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

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

std::string starter_header(const fs::path& recipe, const std::string& found) {
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
  return text;
}

}  // namespace mlrun::engine
