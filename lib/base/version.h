#pragma once

namespace mlrun {

extern const char* const kVersion;
/// The commit that was built, with `-dirty` where the tree had changes; `unknown` without git.
extern const char* const kCommit;

}  // namespace mlrun
