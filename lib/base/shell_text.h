#pragma once

#include <string>

namespace mlrun {

/// `word` as a shell takes it, in quotes where it needs them: for commands that messages suggest.
std::string shell_word(const std::string& word);

}  // namespace mlrun
