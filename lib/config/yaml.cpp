#include "base/files.h"
#include "config/layers.h"
#include "config/yaml_source.h"

namespace mlrun::config {

Node parse_yaml(const std::string& text, const std::string& file_name) {
  auto root = build_tree(YamlSource(text, file_name));
  if (!root || root->type == Node::Type::Null) {
    throw file_error(file_name, "is empty", "a recipe has at least the sections task, model and data");
  }
  return std::move(*root);
}

Node read_yaml(const std::filesystem::path& file) {
  constexpr std::uint64_t kLargestFile = 4 << 20;
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) throw file_error(file.string(), "there is no such file");
  if (std::filesystem::is_directory(status)) {
    throw file_error(file.string(), "is a folder", "name a YAML file in it");
  }
  std::string text;
  try {
    text = read_file(file, kLargestFile);
  } catch (const UserError& unreadable) {  // its hints are about writing
    throw file_error(file.string(), unreadable.problems().front().message,
                     "a recipe is a YAML text file of at most 4 MiB");
  }
  return parse_yaml(text, file.string());
}

}  // namespace mlrun::config
