#pragma once

#include "engine/starter.h"

namespace mlrun::classification {

/// `mlrun init classification`.
engine::StarterKind starter();

}  // namespace mlrun::classification
