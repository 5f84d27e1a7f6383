// Any bytes as an idx file of images or labels, plain or gzip.

#include "data/sources/idx_file.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  const auto file = fuzz::folder().write("f.idx", fuzz::bytes_of(data, size));
  for (const std::size_t rank : {1, 3}) {
    fuzz::tolerate([&] {
      const auto header = data::read_idx_header(file, rank);
      fuzz::require(header.dims.size() == rank && header.values > 0, "a header has its dimensions");
      fuzz::require(header.values <= 1032 * size, "a file cannot hold more values than deflate could pack");
      const auto bytes = data::read_idx_bytes(file, header);
      fuzz::require(bytes.size() == header.offset + header.values, "a file holds what its header says");
    });
  }
  return 0;
}
