// Any bytes as a CIFAR file (repeated up to the size of an image) and as its class names.

#include "data/sources/cifar_file.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  const std::string_view bytes = fuzz::bytes_of(data, size);
  for (const data::CifarLayout& layout :
       {data::CifarLayout{}, data::CifarLayout{2, 1, 100}, data::CifarLayout{2, 0, 20}}) {
    fuzz::tolerate([&] { data::check_cifar(bytes, layout, "f.bin"); });
    std::string records;
    while (size > 0 && records.size() < static_cast<std::size_t>(2 * layout.record())) records += bytes;
    fuzz::tolerate([&] { data::check_cifar(records, layout, "f.bin"); });
    records.resize(static_cast<std::size_t>(2 * layout.record()));
    fuzz::tolerate([&] {
      data::check_cifar(records, layout, "f.bin");
      for (const std::int64_t at : {layout.label_at, layout.record() + layout.label_at}) {
        fuzz::require(static_cast<unsigned char>(records[static_cast<std::size_t>(at)]) < layout.classes,
                      "a label that is accepted has a class");
      }
    });
    fuzz::tolerate([&] { data::read_cifar(fuzz::folder().write("f.bin", bytes), layout); });
    fuzz::tolerate([&] {
      const auto names = data::parse_cifar_names(bytes, layout.classes, "names");
      fuzz::require(static_cast<std::int64_t>(names.size()) == layout.classes, "every class has a name");
    });
  }
  return 0;
}
