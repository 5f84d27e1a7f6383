#include "engine/run/schema.h"

#include <string>

#include "base/version.h"

namespace mlrun::engine {

std::optional<std::int64_t> schema_of(const Json& json) {
  const auto found = json.find("schema");
  if (found == json.end()) return 1;
  if (!found->is_number_integer() || *found < 1 || *found > INT32_MAX) return std::nullopt;
  return found->get<std::int64_t>();
}

void check_schema(const Json& json, std::int64_t newest, const std::filesystem::path& file) {
  const auto schema = schema_of(json);
  if (!schema) throw file_error(file.string(), "is damaged: its schema is no number that mlrun writes");
  if (*schema <= newest) return;
  const Json writer = json.value("version", Json());
  const std::string by = writer.is_string() ? " by mlrun " + writer.get<std::string>() : "";
  const std::string read = newest == 1 ? "schema 1" : "schemas 1 to " + std::to_string(newest);
  throw LaterSchema(Problem{file.string(), 0, 0, "",
                            "was written" + by + " with schema " + std::to_string(*schema) + ", and this mlrun (" +
                                kVersion + ") reads " + read,
                            "use the mlrun that wrote it, or a later one"});
}

}  // namespace mlrun::engine
