#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "weights/store.h"

namespace mlrun::weights {

/// The server, the network or the URL; what() says what happened.
class DownloadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Writes what `url` (http, https or file) holds to the new file `target` and syncs it. A failed
/// write is a UserError, more than `limit` bytes a DownloadError; `target` may then be incomplete.
void download(const std::string& url, const std::filesystem::path& target, const FetchProgress& progress,
              std::uint64_t limit);

/// Where a redirection may lead, as curl names it: from https never to anything else.
const char* redirect_protocols(const std::string& url);

}  // namespace mlrun::weights
