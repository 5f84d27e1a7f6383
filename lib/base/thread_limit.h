#pragma once

#include <system_error>

#include "base/error.h"

/// Threads that the system does not give: where a user or a container may have no more.
namespace mlrun {

/// Is this what std::thread throws then?
bool is_thread_limit(const std::exception& error);

/// The UserError of it, for a person.
UserError thread_error(const std::error_code& reason);

/// Threads that a library on its own starts for each processor of the machine.
int machine_processors();

/// UserError unless `count` threads can be started beside those there are: asked before a library starts its own, which
/// would end the process where it cannot.
void require_threads(int count);

}  // namespace mlrun
