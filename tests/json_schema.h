#pragma once

#include "base/json.h"
#include "config/node.h"

namespace mlrun::test {

/// Whether `value` is what the draft-07 `schema` takes. It knows the keywords that schemas of recipes are made of;
/// another one is an InternalError, and so is one beside a `$ref`, which draft-07 would not read.
bool takes(const Json& schema, const Json& value);

/// A recipe's text as an editor sees it, references and all.
Json plain(const config::Node& node);

}  // namespace mlrun::test
