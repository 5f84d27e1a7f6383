#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "apps/mlrun/command.h"
#include "config/bind.h"

namespace mlrun::apps {

/// `config show --plot-lr`: the learning rate of the recipe's training, drawn for the terminal or,
/// where `file` is not empty, as an SVG in it. `samples` stands for the training data's size.
Result plot_rates(const config::Resolved& resolved, const std::filesystem::path& file,
                  std::optional<std::int64_t> samples);

/// A number of epochs: an integer where it is whole.
Json epochs_json(double epochs);

}  // namespace mlrun::apps
