#pragma once

#include "engine/starter.h"

namespace mlrun::detection {

/// `mlrun init detection`.
engine::StarterKind starter();

}  // namespace mlrun::detection
