#pragma once

namespace mlrun {

/// Tells the allocator to keep what is freed for what is allocated next. Otherwise the GNU C library gives large blocks
/// back to the system at once, and a step of training takes its activations as new pages, zeroed one by one: a quarter
/// of its time and more. The memory of the whole process is affected, and its largest size: by what lies between the
/// blocks in use, up to a fifth. Settings in the environment (MALLOC_MMAP_MAX_, MALLOC_TRIM_THRESHOLD_,
/// GLIBC_TUNABLES) win. Does nothing with another C library.
void keep_freed_memory();

}  // namespace mlrun
