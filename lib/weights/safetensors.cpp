#include "weights/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <numeric>
#include <unordered_set>

#include "base/error.h"
#include "base/files.h"
#include "weights/mapping.h"

namespace mlrun::weights {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little endian");

constexpr std::array<std::pair<const char*, torch::ScalarType>, 11> kDtypes = {{{"F64", torch::kFloat64},
                                                                                {"F32", torch::kFloat32},
                                                                                {"F16", torch::kFloat16},
                                                                                {"BF16", torch::kBFloat16},
                                                                                {"I64", torch::kInt64},
                                                                                {"I32", torch::kInt32},
                                                                                {"I16", torch::kInt16},
                                                                                {"I8", torch::kInt8},
                                                                                {"U8", torch::kUInt8},
                                                                                {"BOOL", torch::kBool},
                                                                                {"C64", torch::kComplexFloat}}};

torch::ScalarType dtype_of(const std::string& file, const TensorInfo& info) {
  for (const auto& [name, type] : kDtypes) {
    if (info.dtype == name) return type;
  }
  throw UserError(Problem{file, 0, 0, printable_name(info.name), "dtype " + info.dtype + " is not supported",
                          "save it as one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL"});
}

torch::Tensor view_of(const std::shared_ptr<Mapping>& mapping, const std::string& file, const TensorInfo& info,
                      std::uint64_t data_begin) {
  const torch::ScalarType type = dtype_of(file, info);
  char* bytes = mapping->bytes() + data_begin + info.begin;
  const std::uint64_t size = info.end - info.begin;
  if (type == torch::kBool && !std::all_of(bytes, bytes + size, [](char byte) { return byte == 0 || byte == 1; })) {
    throw UserError(Problem{file, 0, 0, printable_name(info.name), "holds a boolean that is neither 0 nor 1",
                            "the file is damaged; fetch it again"});
  }
  const std::uint64_t element = safetensors_element_size(info.dtype);
  if (size == 0 || reinterpret_cast<std::uintptr_t>(bytes) % element != 0) {
    torch::Tensor copy = torch::empty(info.shape, type);
    if (size > 0) std::memcpy(copy.data_ptr(), bytes, size);
    return copy;
  }
  // The mapping lives as long as the last tensor does; each gives its own pages back.
  const auto release = [mapping, bytes, size](void*) { mapping->release(bytes - mapping->bytes(), size); };
  return torch::from_blob(bytes, info.shape, release, torch::TensorOptions().dtype(type));
}

TensorInfo describe(const std::string& name, const torch::Tensor& tensor) {
  for (const auto& [dtype, type] : kDtypes) {
    if (tensor.scalar_type() == type) return {name, dtype, tensor.sizes().vec(), 0, 0};
  }
  throw InternalError(__FILE__, __LINE__, "safetensors has no dtype for tensor '" + name + "'");
}

/// The tensor's elements, dense and row-major on the CPU.
torch::Tensor to_bytes(const torch::Tensor& tensor) {
  torch::Tensor plain = tensor.detach();
  if (plain.layout() != torch::kStrided) plain = plain.to_dense();
  return plain.to(torch::kCPU).resolve_conj().resolve_neg().contiguous();
}

/// Positions of `tensors`, largest elements first and otherwise in their order.
std::vector<std::size_t> by_element_size(const NamedTensors& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tensors[a].second.element_size() > tensors[b].second.element_size();
  });
  return order;
}

SafetensorsHeader lay_out(const NamedTensors& tensors, const std::vector<std::size_t>& order,
                          const Metadata& metadata) {
  SafetensorsHeader header;
  header.metadata = metadata;
  std::unordered_set<std::string> names = {"__metadata__"};
  for (const auto& [name, tensor] : tensors) {
    MLRUN_ASSERT(tensor.defined(), "tensor '" + name + "' is undefined");
    MLRUN_ASSERT(names.insert(name).second, "tensor '" + name + "' cannot be written twice");
    header.tensors.push_back(describe(name, tensor));
  }
  std::uint64_t offset = 0;
  for (const std::size_t i : order) {
    header.tensors[i].begin = offset;
    offset += static_cast<std::uint64_t>(tensors[i].second.numel()) * tensors[i].second.element_size();
    header.tensors[i].end = offset;
  }
  return header;
}

}  // namespace

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
  return parse_safetensors(Mapping(path).content(), path.string());
}

Safetensors read_safetensors(const std::filesystem::path& path) {
  const auto mapping = std::make_shared<Mapping>(path);
  SafetensorsHeader header = parse_safetensors(mapping->content(), path.string());
  Safetensors result;
  for (const auto& info : header.tensors) {
    result.tensors.emplace_back(info.name, view_of(mapping, path.string(), info, header.data_begin));
  }
  result.metadata = std::move(header.metadata);
  return result;
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const Metadata& metadata) {
  const std::vector<std::size_t> order = by_element_size(tensors);
  const std::string text = safetensors_header_text(lay_out(tensors, order, metadata));
  if (text.size() > kMaxSafetensorsHeader) {
    throw file_error(path.string(), "cannot be written: its header would exceed 100000000 bytes");
  }
  AtomicFile file(path);
  const std::uint64_t length = text.size();
  file.write(&length, sizeof(length));
  file.write(text);
  for (const std::size_t i : order) {
    const torch::Tensor bytes = to_bytes(tensors[i].second);
    file.write(bytes.data_ptr(), bytes.nbytes());
  }
  file.commit();
}

}  // namespace mlrun::weights
