#include "weights/pickled_tensor.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "weights/safetensors_header.h"

namespace mlrun::weights {
namespace {

struct StorageKind {
  std::string_view storage, dtype;
  std::uint64_t element;
  bool readable;
};

constexpr std::array<StorageKind, 18> kStorageKinds = {{{"FloatStorage", "float32", 4, true},
                                                        {"DoubleStorage", "float64", 8, true},
                                                        {"HalfStorage", "float16", 2, true},
                                                        {"BFloat16Storage", "bfloat16", 2, true},
                                                        {"LongStorage", "int64", 8, true},
                                                        {"IntStorage", "int32", 4, true},
                                                        {"ShortStorage", "int16", 2, true},
                                                        {"CharStorage", "int8", 1, true},
                                                        {"ByteStorage", "uint8", 1, true},
                                                        {"BoolStorage", "bool", 1, true},
                                                        {"ComplexFloatStorage", "complex64", 8, true},
                                                        {"ComplexDoubleStorage", "complex128", 16, true},
                                                        {"QInt8Storage", "qint8", 1, false},
                                                        {"QUInt8Storage", "quint8", 1, false},
                                                        {"QInt32Storage", "qint32", 4, false},
                                                        {"QUInt4x2Storage", "quint4x2", 1, false},
                                                        {"QUInt2x4Storage", "quint2x4", 1, false},
                                                        {"ComplexHalfStorage", "complex32", 4, false}}};

constexpr std::size_t kMostDimensions = 64;
constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor";
constexpr std::string_view kRebuildTensor2 = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildTensor3 = "torch._utils._rebuild_tensor_v3";
constexpr std::string_view kRebuildFromType = "torch._tensor._rebuild_from_type_v2";
constexpr std::array<std::string_view, 4> kParameters = {"torch._utils._rebuild_parameter",
                                                         "torch._utils._rebuild_parameter_with_state",
                                                         "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"};
/// Tensors too, but of kinds that are not read.
constexpr std::array<std::string_view, 8> kOtherTensors = {
    "torch._utils._rebuild_qtensor",           "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_sparse_csr_tensor", "torch._utils._rebuild_nested_tensor",
    "torch._utils._rebuild_wrapper_subclass",  "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._utils._rebuild_xla_tensor",        "torch._utils._rebuild_device_tensor_from_numpy"};

template <std::size_t N>
bool is_any_global(const PickleValue* value, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(), [value](std::string_view name) { return is_global(value, name); });
}

/// Reads one tensor; what is wrong names the file and the tensor.
class TensorReader {
 public:
  TensorReader(const std::string& name, const std::string& file) : name_(name), file_(file) {}

  PickledTensor read(const PickleValue& value) const {
    if (value.kind != PickleKind::Object) fail("is " + pickle_name(value) + ", not a tensor");
    const PickleValue* callee = value.callee;
    const PickleValue* arguments = value.arguments;
    // A parameter wraps a tensor, and a tensor with Python attributes another one, perhaps.
    for (int depth = 0; depth < 4; ++depth) {
      if (is_global(callee, kRebuildFromType)) {
        callee = &item(*arguments, 0);
        arguments = &item(*arguments, 2);
      } else if (is_any_global(callee, kParameters)) {
        const PickleValue& inner = item(*arguments, 0);
        if (inner.kind != PickleKind::Object) fail("is " + pickle_name(inner) + ", not a tensor");
        callee = inner.callee;
        arguments = inner.arguments;
      }
    }
    if (is_global(callee, kRebuildTensor) || is_global(callee, kRebuildTensor2)) return strided(*arguments, nullptr);
    if (is_global(callee, kRebuildTensor3)) return strided(*arguments, &item(*arguments, 6));
    if (!is_any_global(callee, kOtherTensors)) fail("is " + pickle_name(*callee) + ", not a tensor");
    refuse("is a tensor made by " + pickle_name(*callee) + ", which is not supported",
           "save it as a plain, dense tensor");
  }

  PickledStorage storage(const PickleValue& value, bool any_dtype = false) const {
    if (value.kind != PickleKind::Persistent) fail("views " + pickle_name(value) + ", not a storage");
    const PickleValue& id = *value.arguments;
    if (item(id, 0).kind != PickleKind::Text || item(id, 0).text != "storage") fail("views what is no storage");
    const PickleValue& key = item(id, 2);
    if (key.kind != PickleKind::Text) fail("views a storage without a name");
    PickledStorage storage;
    storage.key = key.text;
    set_type(item(id, 1), storage, any_dtype);
    storage.elements = count(item(id, 4));
    if (storage.elements > INT64_MAX / 16) fail("views a storage that is too large");
    if (!any_dtype && item(id, 3).kind == PickleKind::Text && item(id, 3).text == "meta") {
      refuse("was saved without its data (on the device meta)", "save it from another device");
    }
    if (id.items.size() > 5 && id.items[5]->kind != PickleKind::None) {
      const std::uint64_t length = count(item(*id.items[5], 2));
      storage.first = count(item(*id.items[5], 1));
      if (storage.first > storage.elements || length > storage.elements - storage.first) {
        fail("views more than its storage has");
      }
    }
    return storage;
  }

 private:
  [[noreturn]] void refuse(const std::string& what, const std::string& hint) const {
    throw UserError(Problem{file_, 0, 0, printable_name(name_), what, hint});
  }
  [[noreturn]] void fail(const std::string& what) const { refuse(what, "the file is damaged; fetch it again"); }

  const PickleValue& item(const PickleValue& list, std::size_t index) const {
    const bool sequence = list.kind == PickleKind::Tuple || list.kind == PickleKind::List;
    if (!sequence || index >= list.items.size()) fail("is a tensor with missing arguments");
    return *list.items[index];
  }

  std::uint64_t count(const PickleValue& value) const {
    if (value.kind != PickleKind::Integer || value.integer < 0) {
      fail("has a size or stride that is no whole number from 0 on");
    }
    return static_cast<std::uint64_t>(value.integer);
  }

  std::vector<std::int64_t> counts(const PickleValue& value) const {
    const bool size = value.kind == PickleKind::Object && is_global(value.callee, "torch.Size");
    const PickleValue& list = size ? item(*value.arguments, 0) : value;
    if (list.kind != PickleKind::Tuple && list.kind != PickleKind::List) fail("has a shape that is no list of numbers");
    if (list.items.size() > kMostDimensions) fail("has too many dimensions");
    std::vector<std::int64_t> numbers;
    for (const PickleValue* number : list.items) numbers.push_back(static_cast<std::int64_t>(count(*number)));
    return numbers;
  }

  void set_type(const PickleValue& type, PickledStorage& storage, bool any_dtype) const {
    const bool torch = type.kind == PickleKind::Global &&
                       (type.module == "torch" || type.module == "torch.cuda" || type.module == "torch.storage");
    if (!torch) fail("views " + pickle_name(type) + ", not a storage");
    if (type.text == "UntypedStorage" || type.text == "_UntypedStorage") {
      storage.element = 1;
      return;
    }
    const auto* kind = find_kind([&](const StorageKind& known) { return known.storage == type.text; });
    if (kind == nullptr) unreadable(pickle_name(type));
    if (!kind->readable && !any_dtype) unreadable(std::string(kind->dtype));
    storage.dtype = kind->dtype;
    storage.element = kind->element;
  }

  [[noreturn]] void unreadable(const std::string& dtype) const {
    refuse("dtype " + dtype + " is not supported", "save it as a floating, whole-number or boolean tensor");
  }

  template <class Test>
  static const StorageKind* find_kind(Test test) {
    const auto found = std::find_if(kStorageKinds.begin(), kStorageKinds.end(), test);
    return found == kStorageKinds.end() ? nullptr : &*found;
  }

  /// A tensor from storage, offset, size and stride; `dtype` where the storage does not tell it.
  PickledTensor strided(const PickleValue& arguments, const PickleValue* dtype) const {
    const PickledStorage from = storage(item(arguments, 0));
    PickledTensor tensor{name_, from.dtype, from.element, std::string(from.key), from.elements * from.element, 0,
                         {},    {}};
    std::uint64_t elements = from.elements - from.first;
    if (dtype != nullptr) {
      const bool torch = dtype->kind == PickleKind::Global && dtype->module == "torch";
      const auto* kind = find_kind([&](const StorageKind& known) { return torch && known.dtype == dtype->text; });
      if (kind == nullptr || !kind->readable)
        unreadable(torch ? std::string(dtype->text.substr(0, 40)) : "of another kind");
      tensor.dtype = kind->dtype;
      tensor.element = kind->element;
      if (from.first != 0) fail("views a part of an untyped storage");
      elements = elements * from.element / kind->element;
    }
    if (tensor.dtype.empty()) fail("views untyped bytes and has no dtype");
    const PickleValue* metadata =
        arguments.items.size() > (dtype != nullptr ? 7U : 6U) ? arguments.items.back() : nullptr;
    if (metadata != nullptr && is_dict(*metadata) && !metadata->items.empty()) {
      refuse("is a conjugate or negated view, which is not supported", "save resolve_conj().resolve_neg() of it");
    }
    const std::uint64_t offset = count(item(arguments, 1));
    tensor.shape = counts(item(arguments, 2));
    tensor.strides = counts(item(arguments, 3));
    check_bounds(tensor, offset, elements);
    tensor.offset = static_cast<std::int64_t>(offset + from.first);
    return tensor;
  }

  void check_bounds(const PickledTensor& tensor, std::uint64_t offset, std::uint64_t elements) const {
    if (tensor.shape.size() != tensor.strides.size()) fail("has another number of strides than dimensions");
    constexpr std::uint64_t most = INT64_MAX;
    std::uint64_t last = offset, product = tensor.element;
    bool empty = false;
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(tensor.shape[i], 1));
      const auto stride = static_cast<std::uint64_t>(tensor.strides[i]);
      if (product > most / size) fail("has a shape that is too large");
      product *= size;
      last = stride > 0 && size - 1 > (most - last) / stride ? most : last + (size - 1) * stride;
      empty = empty || tensor.shape[i] == 0;
    }
    if (empty ? offset > elements : last >= elements) {
      fail("reaches beyond its storage of " + std::to_string(elements) + " elements");
    }
  }

  const std::string& name_;
  const std::string& file_;
};

}  // namespace

bool is_tensor(const PickleValue& value) {
  if (value.kind != PickleKind::Object) return false;
  const PickleValue* callee = value.callee;
  return is_global(callee, kRebuildTensor) || is_global(callee, kRebuildTensor2) ||
         is_global(callee, kRebuildTensor3) || is_global(callee, kRebuildFromType) ||
         is_any_global(callee, kParameters) || is_any_global(callee, kOtherTensors);
}

PickledTensor read_tensor(const PickleValue& value, const std::string& name, const std::string& file) {
  return TensorReader(name, file).read(value);
}

PickledStorage read_storage(const PickleValue& value, const std::string& name, const std::string& file,
                            bool any_dtype) {
  return TensorReader(name, file).storage(value, any_dtype);
}

}  // namespace mlrun::weights
