#pragma once

#include <cstdint>

/// What threads of our own need that call LibTorch.
namespace mlrun::data {

/// Makes LibTorch compute in this thread alone: many such threads together keep the machine busy, and each would
/// otherwise get an OpenMP team of its own. at::set_num_threads would not do, as it also changes what other threads
/// begin with. Where LibTorch has no OpenMP, its pool is shared by all threads and nothing is multiplied.
void compute_alone();

/// UserError unless `count` such threads can be started. In each that first asks for their number LibTorch makes its
/// pool of threads anew, and waits for ever for one that does not start.
void require_loading_threads(std::int64_t count);

}  // namespace mlrun::data
