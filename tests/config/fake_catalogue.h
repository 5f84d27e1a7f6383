#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/registry.h"

/// Components without LibTorch that look like the real ones, for tests of recipes.
namespace mlrun::test {

const config::Catalogue& fake_catalogue();

struct SgdOptions {
  double lr = 0.1;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  static void declare(config::Declare<SgdOptions>& d);
};

struct AdamOptions {
  double lr = 1e-3;
  std::vector<double> betas{0.9, 0.999};
  double weight_decay = 0;
  static void declare(config::Declare<AdamOptions>& d);
};

struct ResnetOptions {
  std::optional<std::string> variant;
  bool small_stem = false;
  std::optional<std::int64_t> num_classes;
  static void declare(config::Declare<ResnetOptions>& d);
};

struct ImageFolderOptions {
  std::vector<std::string> extensions{"jpg", "png"};
  static void declare(config::Declare<ImageFolderOptions>& d);
};

struct ResizeOptions {
  std::int64_t size = 0;
  static void declare(config::Declare<ResizeOptions>& d);
};

struct NormalizeOptions {
  std::vector<double> mean{0.5, 0.5, 0.5};
  static void declare(config::Declare<NormalizeOptions>& d);
};

}  // namespace mlrun::test
