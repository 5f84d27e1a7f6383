#include "fuzz/fuzz.h"
#include "weights/safetensors_header.h"

namespace mlrun::fuzz {
namespace {

/// What is accepted lies within the file, one tensor after the other.
void check(std::string_view content) {
  const weights::SafetensorsHeader header = weights::parse_safetensors(content, "fuzz.safetensors");
  require(header.data_begin <= content.size(), "the data begin within the file");
  std::uint64_t sum = 0;
  for (const auto& tensor : header.tensors) {
    std::uint64_t elements = 1;
    for (const auto size : tensor.shape) {
      require(size >= 0, "sizes are not negative");
      require(!__builtin_mul_overflow(elements, static_cast<std::uint64_t>(size), &elements), "sizes do not overflow");
    }
    require(tensor.begin <= tensor.end, "a tensor ends after its beginning");
    require(tensor.end <= content.size() - header.data_begin, "a tensor lies within the file");
    require(elements * weights::safetensors_element_size(tensor.dtype) == tensor.end - tensor.begin,
            "a tensor has as many bytes as its shape says");
    sum += tensor.end - tensor.begin;
  }
  require(sum == content.size() - header.data_begin, "the tensors fill the file");
  const std::string text = weights::safetensors_header_text(header);
  std::uint64_t length = text.size();
  std::string again(reinterpret_cast<const char*>(&length), sizeof length);
  again += text;
  again += content.substr(header.data_begin);
  const auto second = weights::parse_safetensors(again, "again.safetensors");
  require(second.tensors.size() == header.tensors.size(), "the header that is written is read back");
}

}  // namespace
}  // namespace mlrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mlrun::fuzz::tolerate([&] { mlrun::fuzz::check(mlrun::fuzz::bytes_of(data, size)); });
  return 0;
}
