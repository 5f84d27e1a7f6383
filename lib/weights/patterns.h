#pragma once

#include <optional>
#include <string>
#include <vector>

/// Patterns of state-dict names. `*` stands for any run of characters; a pattern without one names
/// a tensor, or a layer and so all below it: `layer1` is `layer1` and `layer1.*`.
namespace mlrun::weights {

bool matches(const std::string& pattern, const std::string& name);

/// `name` as `replacement` says, whose n-th `*` is what the pattern's n-th stood for; nothing where
/// the pattern does not match. A layer's pattern replaces that part of the name, by nothing also.
std::optional<std::string> replaced(const std::string& pattern, const std::string& replacement,
                                    const std::string& name);

/// The names nearest to a pattern that matches nothing, as `did you mean layer1?`; empty where none
/// is near. Layers count as names too.
std::string nearest_name(const std::string& pattern, const std::vector<std::string>& names);

}  // namespace mlrun::weights
