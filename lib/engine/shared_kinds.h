#pragma once

#include "config/registry.h"

namespace mlrun::engine {

/// Adds the components that recipes of every task may name: sources, samplers, batchings, optimizers, schedules and
/// averagings. A kind that `all` has stays as it is.
void add_shared_kinds(config::Catalogue& all);

}  // namespace mlrun::engine
