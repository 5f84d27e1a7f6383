// Any bytes after the magic number of torch.save's files from before 1.6.

#include "fuzz/fuzz.h"
#include "weights/legacy_pth.h"
#include "weights/pth_content.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  constexpr std::string_view start{"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15};
  std::string content(fuzz::bytes_of(data, size));
  if (!weights::is_legacy_pth(content)) content.insert(0, start);
  fuzz::tolerate([&] {
    const weights::PthContent read = weights::parse_pth(content, "", "w.pth");
    for (const auto& item : read.storages) {
      fuzz::require(item.second.begin + item.second.size <= content.size(), "a storage lies in its file");
    }
  });
  return 0;
}
