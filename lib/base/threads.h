#pragma once

namespace mlrun {

/// Processors this process may keep busy: those its affinity mask names, at most its cgroup's CPU
/// quota (v2 and v1, rounded up) and `SLURM_CPUS_PER_TASK`; at least 1.
int available_processors();

/// Threads to compute with where nobody says how many: the available processors, at most what `OMP_NUM_THREADS` says
/// (of a list the first).
int default_compute_threads();

}  // namespace mlrun
