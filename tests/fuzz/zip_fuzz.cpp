// Any bytes as a zip archive: its directory, every entry's content, and the weights in it.

#include "fuzz/fuzz.h"
#include "weights/pth_content.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  const std::string_view content = fuzz::bytes_of(data, size);
  fuzz::tolerate([&] {
    std::uint64_t total = 0;
    for (const weights::ZipEntry& entry : weights::parse_zip(content, "w.pth")) {
      fuzz::require(entry.begin <= size && entry.stored <= size - entry.begin, "an entry lies in its archive");
      total += entry.size;
      if (total > (1U << 20)) break;
      fuzz::tolerate([&] { weights::zip_content(content, entry, "w.pth"); });
    }
  });
  fuzz::tolerate([&] { weights::parse_pth(content, "", "w.pth"); });
  return 0;
}
