#pragma once

namespace mlrun {

/// For the start of a program: a file size limit is an error of the write and no signal, and a
/// standard stream that the caller closed is not taken by the next file that is opened, which would
/// then receive what is printed. Writing to a closed stdout fails with EBADF as before.
void guard_process();

/// Asks to be told of SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP and SIGPIPE instead of being ended by them. A
/// second SIGINT ends the process at once; a SIGHUP that was ignored stays so (nohup). Also ignores
/// SIGXFSZ, so that a file limit is an error of the write.
void watch_signals();

/// Of these SIGPIPE alone, for a process that is about to have something to save: a stderr that nobody
/// reads any more then asks it to stop as a signal does.
void watch_closed_pipes();

/// The signal that asked this process to stop, or 0.
int stop_signal();

/// Forgets the signal, so that one process can train again after a stop (what tests do).
void clear_stop_signal();

/// `SIGINT`, `SIGTERM`, ...
const char* signal_name(int signal);

}  // namespace mlrun
