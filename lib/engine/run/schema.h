#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/json.h"

/// Numbers that say how a file of a run is built. A file without one is of the first schema.
namespace mlrun::engine {

constexpr std::int64_t kRunSchema = 1;       ///< run.json
constexpr std::int64_t kManifestSchema = 1;  ///< manifest.json of a checkpoint
constexpr std::int64_t kStateSchema = 1;     ///< state.json and the tensors that belong to it
constexpr std::int64_t kSweepSchema = 1;     ///< sweep.json
constexpr std::int64_t kOutputSchema = 1;    ///< what commands print with --json

/// A file that a later mlrun wrote: nothing is wrong with it.
class LaterSchema : public UserError {
 public:
  using UserError::UserError;
};

/// The schema of a file's content; nothing where its number is none that mlrun writes.
std::optional<std::int64_t> schema_of(const Json& json);

/// LaterSchema, which names the file and what this mlrun reads, where `json`, the content of `file`, is of a schema
/// above `newest`; another UserError where its schema is no number.
void check_schema(const Json& json, std::int64_t newest, const std::filesystem::path& file);

}  // namespace mlrun::engine
