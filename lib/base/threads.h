#pragma once

namespace mlrun {

/// Processors this process may keep busy: those its affinity mask names, at most its cgroup's CPU
/// quota (v2 and v1, rounded up); at least 1.
int available_processors();

}  // namespace mlrun
