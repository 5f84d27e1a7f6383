#pragma once

#include "config/node.h"
#include "config/options.h"

namespace mlrun::config {

/// One entry of the keyed `field` of a section (`spec`): its own keys on top of what `section` says and the entry may
/// say too. Settings of the section's component are taken over where the entry names no other one. Null in the entry
/// leaves the option's default.
Node with_section(Node entry, const Node& section, const Spec& spec, const Field& field);

}  // namespace mlrun::config
