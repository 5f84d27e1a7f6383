#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/run_mlrun.h"

namespace mlrun::test {

/// A training of a moment: 5 classes of 16 x 16 images, a network of a few thousand weights, 32 steps.
inline const char* const kTinyRecipe = R"(task: classification
model: {name: small_cnn, width: 4, dropout: 0}
data:
  format: synthetic
  train_samples: 64
  val_samples: 20
  test_samples: 23
  num_classes: 5
  height: 16
  width: 16
  augment: [normalize]
  preprocess: [{name: resize, size: [16, 16]}, normalize]
train: {epochs: 4, batch_size: 8, seed: 0, device: cpu, threads: 1, workers: 0}
optimizer: {name: sgd, lr: 0.1, momentum: 0.9}
)";

/// A folder with `tiny.yaml` and the finished run `run` of it, trained once for all tests.
struct TinyRun {
  TempDir folder;
  std::filesystem::path recipe, run;
  Outcome trained;

  TinyRun() {
    recipe = folder.write("tiny.yaml", kTinyRecipe);
    run = folder / "run";
    trained = mlrun({"train", "tiny.yaml", "--out", "run", "--json"}, folder.path());
  }
};

inline const TinyRun& tiny_run() {
  static const TinyRun instance;
  INFO("stderr: " << instance.trained.err);
  REQUIRE(instance.trained.code == 0);
  return instance;
}

/// Every file and folder below `folder`, sorted.
inline std::vector<std::string> listing(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    names.push_back(entry.path().lexically_relative(folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A colour image as a PPM file's content.
inline std::string ppm(int width, int height, unsigned shade) {
  std::string text = "P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n";
  for (int i = 0; i < width * height * 3; ++i) text += static_cast<char>((static_cast<unsigned>(i) * shade) & 255U);
  return text;
}

}  // namespace mlrun::test
