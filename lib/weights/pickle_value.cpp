#include <algorithm>
#include <array>

#include "weights/pickle.h"
#include "weights/safetensors_header.h"

namespace mlrun::weights {
namespace {

constexpr std::array<std::string_view, 17> kHostileModules = {
    "os",      "posix", "nt",  "subprocess", "_posixsubprocess", "sys",     "shutil", "pty",    "socket",
    "_socket", "runpy", "imp", "importlib",  "ctypes",           "marshal", "pickle", "_pickle"};
constexpr std::array<std::string_view, 11> kHostileBuiltins = {
    "eval", "exec", "execfile", "compile", "open", "file", "__import__", "input", "breakpoint", "globals", "vars"};

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool runs_code(std::string_view module, std::string_view name) {
  if (module == "builtins" || module == "__builtin__" || module == "__builtins__") {
    return is_one_of(name.substr(0, name.find('.')), kHostileBuiltins);
  }
  if (is_one_of(module.substr(0, module.find('.')), kHostileModules)) return true;
  // A dotted name reaches through what a module imports: `shutil` and `os.system`.
  for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.')) {
    if (is_one_of(name.substr(0, dot), kHostileModules)) return true;
    name.remove_prefix(dot + 1);
  }
  return false;
}

std::string pickle_name(const PickleValue& value) {
  switch (value.kind) {
    case PickleKind::None: return "None";
    case PickleKind::Bool: return "a boolean";
    case PickleKind::Integer:
    case PickleKind::BigInteger: return "a whole number";
    case PickleKind::Float: return "a number";
    case PickleKind::Text: return "text";
    case PickleKind::Bytes: return "bytes";
    case PickleKind::List: return "a list";
    case PickleKind::Tuple: return "a tuple";
    case PickleKind::Set: return "a set";
    case PickleKind::Dict: return "a dictionary";
    case PickleKind::Persistent: return "a storage";
    case PickleKind::Object: return value.callee->kind == PickleKind::Global ? pickle_name(*value.callee) : "an object";
    case PickleKind::Global: break;
  }
  return printable_name(std::string(value.module) + "." + std::string(value.text));
}

bool is_global(const PickleValue* value, std::string_view name) {
  if (value == nullptr || value->kind != PickleKind::Global) return false;
  const std::size_t dot = value->module.size();
  return name.size() == dot + 1 + value->text.size() && name.substr(0, dot) == value->module && name[dot] == '.' &&
         name.substr(dot + 1) == value->text;
}

const PickleValue* find_key(const PickleValue& dict, std::string_view key) {
  if (!is_dict(dict)) return nullptr;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == PickleKind::Text && dict.items[i]->text == key) return dict.items[i + 1];
  }
  return nullptr;
}

bool is_dict(const PickleValue& value) {
  return value.kind == PickleKind::Dict || (value.kind == PickleKind::Object && value.pairs);
}

}  // namespace mlrun::weights
