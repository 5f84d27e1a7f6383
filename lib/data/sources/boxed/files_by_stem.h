#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/sources/listing.h"

namespace mlrun::data {

/// The images below a folder by their names without endings, for annotations that have the same.
class FilesByStem {
 public:
  FilesByStem(const std::filesystem::path& root, const std::string& folder)
      : folder_(std::filesystem::path(folder).lexically_normal()) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(root / folder, ignored)) return;
    for (const auto& file : list_images(root, folder)) {
      const auto inside = std::filesystem::path(file.path).lexically_normal().lexically_relative(folder_);
      auto stem = inside;
      files_[stem.replace_extension().string()].push_back(inside.string());
    }
  }

  /// The path, from the root on, of the image `stem`; of several the one that is called `named`. Where there is none,
  /// that which could be: `named` beside its stem, or stem.jpg.
  std::string of(const std::string& stem, const std::string& named) const {
    const auto found = files_.find(stem);
    const std::string plain = std::filesystem::path(named).filename().string();
    const bool same = !plain.empty() && std::filesystem::path(plain).stem() == std::filesystem::path(stem).filename();
    std::string chosen = same ? (std::filesystem::path(stem).parent_path() / plain).string() : stem + ".jpg";
    if (found != files_.end()) {
      for (const auto& file : found->second) {
        if (file == chosen) return in_folder(file);
      }
      chosen = found->second.front();
    }
    return in_folder(chosen);
  }

 private:
  std::string in_folder(const std::string& file) const { return (folder_ / file).lexically_normal().string(); }

  std::filesystem::path folder_;
  std::unordered_map<std::string, std::vector<std::string>> files_;
};

}  // namespace mlrun::data
