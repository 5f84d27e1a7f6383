#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace mlrun::weights {

enum class PickleKind : std::uint8_t {
  None,
  Bool,        ///< `integer`
  Integer,     ///< `integer`
  BigInteger,  ///< `text`: two's complement, little endian, more than 8 bytes
  Float,       ///< `number`
  Text,        ///< `text`
  Bytes,       ///< `text`
  List,
  Tuple,
  Set,
  Dict,        ///< `items`: key, value, key, value, ...; `state`: attributes, as `_metadata`
  Global,      ///< `module` and `text`: a class or function, only named
  Object,      ///< what calling `callee` with `arguments` would give; it was not called
  Persistent,  ///< `arguments`: what torch.save wrote for a storage
};

/// A value of a pickle. Values may refer to each other in circles and share their parts: whoever
/// walks through them needs a bound.
struct PickleValue {
  PickleKind kind = PickleKind::None;
  std::int64_t integer = 0;
  double number = 0;
  std::string_view text, module;  ///< views of the pickle's bytes
  const PickleValue* callee = nullptr;
  const PickleValue* arguments = nullptr;
  const PickleValue* state = nullptr;     ///< what Python would give to the object's `__setstate__`
  std::vector<const PickleValue*> items;  ///< of containers, and of objects that were filled like them
  bool pairs = false;                     ///< Object: `items` are key, value, ...
};

/// A pickle as data.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
  std::size_t size = 0;  ///< bytes up to and with its STOP
};

/// The most values that a pickle may hold.
constexpr std::size_t kMaxPickleValues = 2'000'000;

/// Reads one pickle of protocol 2 to 5 from the start of `content`, which must outlive the result.
/// Nothing is ever imported or called: globals are names, and objects of whatever class are kept
/// as callee, arguments and state. As a plain warning a pickle is refused whole when it names what
/// weights never need and attacks do (os.system, builtins.eval, ...). UserError that names `file`.
Pickle parse_pickle(std::string_view content, const std::string& file);

/// Whether weights never need this global and files that attack their reader do. A warning for the
/// user, not the safeguard: no global is ever called.
bool runs_code(std::string_view module, std::string_view name);

/// `module.name` of a Global, and of the callee of an Object; otherwise the kind in words.
std::string pickle_name(const PickleValue& value);

/// Whether `value` is the Global `name`, written `module.name`.
bool is_global(const PickleValue* value, std::string_view name);

/// A Dict, or an object of a class that was filled like one.
bool is_dict(const PickleValue& value);

/// The value under the text key `key` of what `is_dict`; nullptr where there is none.
const PickleValue* find_key(const PickleValue& dict, std::string_view key);

}  // namespace mlrun::weights
