#pragma once

#include <functional>

namespace mlrun {

/// Runs `program` where the stack has the usual 8 MiB, in a thread of its own where this process is allowed less
/// (`ulimit -s`), and gives the threads that follow as much; returns what it returns.
int with_usual_stack(const std::function<int()>& program);

}  // namespace mlrun
