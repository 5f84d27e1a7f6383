// Any bytes as a tar archive and as a WebDataset shard, and what is written for its names read back.

#include "data/sources/web_shard.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  const std::string_view content = fuzz::bytes_of(data, size);
  const data::ReadAt read = [&](std::uint64_t at, std::size_t count) {
    fuzz::require(at <= content.size() && count <= content.size() + (1U << 20), "reads stay near the archive");
    return std::string(content.substr(static_cast<std::size_t>(at), count));
  };
  fuzz::tolerate([&] {
    for (const auto& entry : data::read_tar(read, size, "a.tar")) {
      fuzz::require(entry.offset <= size && entry.size <= size - entry.offset, "a file lies in its archive");
      fuzz::require(entry.name.find('\0') == std::string::npos, "a name has no zero byte");
      const std::string again = data::tar_header(entry.name, 0) + data::tar_end();
      const data::ReadAt read_again = [&](std::uint64_t at, std::size_t count) {
        return again.substr(static_cast<std::size_t>(at), count);
      };
      if (entry.name.empty() || entry.name.size() > 60000) continue;
      const auto entries = data::read_tar(read_again, again.size(), "b.tar");
      fuzz::require(entries.size() == 1 && entries[0].name == entry.name, "a name that is written is read");
    }
  });
  fuzz::tolerate([&] {
    const auto samples = data::read_shard(read, size, "a.tar");
    const auto kept = data::parse_shard_index("stamp", data::shard_index_text("stamp", samples));
    fuzz::require(kept && *kept == samples, "an index that is kept is read");
  });
  return 0;
}
