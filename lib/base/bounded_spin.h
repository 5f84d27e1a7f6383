#pragma once

namespace mlrun {

/// Turns that compute threads wait by spinning before they sleep, unless the user has set how they wait. Alone on its
/// processors a program is as fast as with libgomp's 300,000; beside other busy ones it keeps half of its speed instead
/// of a tenth.
constexpr int kSpinTurns = 5000;

/// What links this waits so: GNU OpenMP reads its settings before main(), and by then they are there
/// (bounded_spin.cpp). To be called first thing in main(), it gives the environment back as the caller wrote it. True
/// where mlrun chose how threads wait, false where the user did or nothing could be done.
bool bounded_spin();

}  // namespace mlrun
