#pragma once

namespace mlrun {

/// Asks to be told of SIGINT, SIGTERM and SIGUSR1 instead of being ended by them. A second SIGINT
/// ends the process at once. Also ignores SIGXFSZ, so that a file limit is an error of the write.
void watch_signals();

/// The signal that asked this process to stop, or 0.
int stop_signal();

/// Forgets the signal, so that one process can train again after a stop (what tests do).
void clear_stop_signal();

/// `SIGINT`, `SIGTERM`, ...
const char* signal_name(int signal);

}  // namespace mlrun
