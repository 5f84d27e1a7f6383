#pragma once

#include "optim/schedule.h"

namespace mlrun::optim {

/// Schedules with a file of their own, for `schedules()`.
void add_annealing(ScheduleFactory& list);  ///< `cosine_restarts` and `one_cycle`
void add_cyclical(ScheduleFactory& list);
void add_piecewise_linear(ScheduleFactory& list);

}  // namespace mlrun::optim
