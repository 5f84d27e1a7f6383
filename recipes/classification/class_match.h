#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mlrun::classification {

/// What a model that knows the classes `known` calls each class of data that have `found`, by name: positions in
/// `known`. Data may lack classes; UserError about `root` that names those the model does not know.
std::vector<std::int64_t> match_classes(const std::vector<std::string>& known, const std::vector<std::string>& found,
                                        const std::string& root);

}  // namespace mlrun::classification
