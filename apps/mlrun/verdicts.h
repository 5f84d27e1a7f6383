#pragma once

#include <string>
#include <vector>

#include "engine/expect.h"

namespace mlrun::apps {

/// A table of expectations with their verdicts; empty where there are none.
std::string verdict_text(const std::vector<engine::Verdict>& verdicts);

}  // namespace mlrun::apps
