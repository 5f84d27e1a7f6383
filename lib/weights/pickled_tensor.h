#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weights/pickle.h"

namespace mlrun::weights {

/// A storage as a pickle refers to it.
struct PickledStorage {
  std::string_view key;
  std::string dtype;           ///< as Python names it (`float32`); empty for bytes of a dtype that the tensor tells
  std::uint64_t element = 0;   ///< bytes of one element
  std::uint64_t elements = 0;  ///< its length
  std::uint64_t first = 0;     ///< legacy files: where this view of the stored elements begins
};

/// A tensor as a pickle describes it: a view of a storage, in elements.
struct PickledTensor {
  std::string name;
  std::string dtype;
  std::uint64_t element = 0;  ///< bytes of one element
  std::string storage;        ///< the storage's key
  std::uint64_t storage_bytes = 0;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape, strides;
};

/// Whether `value` stands for a tensor or a parameter, of whatever kind.
bool is_tensor(const PickleValue& value);

/// Reads a value for which `is_tensor` holds: its dtype is one that LibTorch 1.13 has, and all its
/// elements lie in its storage. UserError that names `file` and `name`.
PickledTensor read_tensor(const PickleValue& value, const std::string& name, const std::string& file);

/// Reads a Persistent value. `any_dtype`: also where no tensor of this dtype could be read.
PickledStorage read_storage(const PickleValue& value, const std::string& name, const std::string& file,
                            bool any_dtype = false);

}  // namespace mlrun::weights
