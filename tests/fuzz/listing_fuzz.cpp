// Any bytes as a cached listing: as they are, and under a right title and checksum.

#include "base/files.h"
#include "data/sources/listing_cache.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  const std::string_view bytes = fuzz::bytes_of(data, size);
  data::parse_listing(bytes);
  const auto listing = data::parse_listing("mlrun listing 1\n" + sha256(data, size) + std::string(bytes));
  if (!listing) return 0;
  fuzz::require(listing->asked.size() == listing->images.size(), "each folder has its images");
  const auto again = data::parse_listing(data::listing_text(*listing));
  fuzz::require(again && again->folders == listing->folders && again->asked == listing->asked,
                "a listing is read back");
  return 0;
}
