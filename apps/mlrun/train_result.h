#pragma once

#include <string>

#include "apps/mlrun/command.h"
#include "engine/train/session.h"

namespace mlrun::apps {

/// What a command that trained has to say, with its exit code.
Result train_result(const engine::TrainResult& trained);

/// This process's command line as it was typed.
std::string typed_command();

}  // namespace mlrun::apps
