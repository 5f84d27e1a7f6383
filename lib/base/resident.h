#pragma once

#include <cstdint>

/// How much memory this process keeps resident.
namespace mlrun {

constexpr double kMebibyte = 1024.0 * 1024.0;

/// Gives the system what malloc holds unused, and lets the peak begin anew from what is resident now. False where the
/// kernel does not let a process do that: peaks then are those of its whole life.
bool restart_peak_resident();

/// Largest resident memory since the last restart (else since the process began), in bytes.
std::int64_t peak_resident();

}  // namespace mlrun
