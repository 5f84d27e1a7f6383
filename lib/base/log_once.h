#pragma once

#include <string>

namespace mlrun::log {

/// A warning that many samples could give: the first of a `topic` is told, the others are not, until another log file
/// is set.
void warning_once(const std::string& topic, const std::string& message);

}  // namespace mlrun::log
