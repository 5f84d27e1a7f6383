#pragma once

#include <string>
#include <vector>

#include "config/registry.h"

namespace mlrun::config {

/// The tasks that a component is made for, by its fact `task`, a name or a list of names; none: any that names it.
std::vector<std::string> tasks_of(const Entry& entry);

/// Whether it is made for this one.
bool is_for_task(const Entry& entry, const std::string& task);

}  // namespace mlrun::config
