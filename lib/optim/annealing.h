#pragma once

#include "optim/schedule.h"

namespace mlrun::optim {

/// `cosine_restarts` and `one_cycle`, for `schedules()`.
void add_annealing(ScheduleFactory& list);

}  // namespace mlrun::optim
