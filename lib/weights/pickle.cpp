#include "weights/pickle.h"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "base/error.h"
#include "weights/safetensors_header.h"

namespace mlrun::weights {
namespace {

/// Instructions that a pickle of the most values may have.
constexpr std::size_t kMaxInstructions = 5 * kMaxPickleValues;

/// The machine that a pickle's instructions run on: a stack with marks, and a memo.
class PickleMachine {
 public:
  PickleMachine(std::string_view content, const std::string& file, Pickle& pickle)
      : content_(content), file_(file), pickle_(pickle) {}

  void run() {
    for (unsigned char code = byte(); code != '.'; code = byte()) {
      if (++instructions_ > kMaxInstructions) too_large();
      const bool known = atom(code) || text(code) || container(code) || object(code) || bookkeeping(code);
      if (!known) unknown(code);
    }
    if (!marks_.empty() || stack_.size() != 1) fail("ends with other than one value");
    pickle_.root = stack_.back();
    pickle_.size = at_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) {
    throw file_error(file_, "is damaged: its pickle " + what + " (byte " + std::to_string(at_) + ")", "fetch it again");
  }

  [[noreturn]] void too_large() {
    throw file_error(file_, "holds a pickle of more than " + std::to_string(kMaxPickleValues) + " values",
                     "save the tensors alone");
  }

  [[noreturn]] void unknown(unsigned char code) {
    constexpr std::string_view old = "ILFSVPgpd";
    if (old.find(static_cast<char>(code)) != old.npos || !has_protocol_) {
      throw file_error(file_, "holds a pickle of a protocol before 2, which is not supported",
                       "load it in Python and save it again");
    }
    if (code >= 0x82 && code <= 0x84) {
      throw file_error(file_, "names a class by a number of Python's copyreg, which is not supported");
    }
    if (code == 0x97 || code == 0x98) throw file_error(file_, "keeps data outside its pickle, which is not supported");
    fail("holds an unknown instruction, " + std::to_string(code));
  }

  std::string_view take(std::uint64_t size) {
    if (size > content_.size() - at_) fail("is cut short");
    const std::string_view bytes = content_.substr(at_, size);
    at_ += size;
    return bytes;
  }
  unsigned char byte() { return static_cast<unsigned char>(take(1).front()); }

  /// An unsigned little-endian number of `size` bytes.
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    const std::string_view bytes = take(size);
    for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return value;
  }

  std::string_view line() {
    const std::size_t end = content_.find('\n', at_);
    if (end == content_.npos) fail("is cut short");
    const std::string_view text = take(end - at_);
    ++at_;
    return text;
  }

  PickleValue& make(PickleKind kind) {
    if (pickle_.values.size() == kMaxPickleValues) too_large();
    pickle_.values.emplace_back().kind = kind;
    return pickle_.values.back();
  }

  PickleValue& push(PickleKind kind) {
    stack_.push_back(&make(kind));
    return *stack_.back();
  }
  void push_integer(std::int64_t value, PickleKind kind = PickleKind::Integer) { push(kind).integer = value; }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue& top() {
    if (stack_.size() <= floor()) fail("takes a value from an empty stack");
    return *stack_.back();
  }
  PickleValue* pop() {
    PickleValue* value = &top();
    stack_.pop_back();
    return value;
  }

  /// The values above the last mark, which is taken away.
  std::vector<const PickleValue*> pop_to_mark() {
    if (marks_.empty()) fail("lacks a mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<const PickleValue*> values(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return values;
  }

  void push_long(std::uint64_t size) {
    const std::string_view bytes = take(size);
    if (size > 8) {
      push(PickleKind::BigInteger).text = bytes;
      return;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    if (size > 0 && size < 8 && (bytes.back() & 0x80) != 0) value |= ~std::uint64_t{0} << (8 * size);
    push_integer(static_cast<std::int64_t>(value));
  }

  bool atom(unsigned char code) {
    switch (code) {
      case 'N': push(PickleKind::None); return true;
      case 0x88: push_integer(1, PickleKind::Bool); return true;
      case 0x89: push_integer(0, PickleKind::Bool); return true;
      case 'K': push_integer(static_cast<std::int64_t>(number(1))); return true;
      case 'M': push_integer(static_cast<std::int64_t>(number(2))); return true;
      case 'J': push_integer(static_cast<std::int32_t>(number(4))); return true;
      case 0x8a: push_long(number(1)); return true;
      case 0x8b: push_long(number(4)); return true;
      case 'G': {
        std::uint64_t bits = 0;
        for (const char part : take(8)) bits = bits << 8 | static_cast<unsigned char>(part);
        push(PickleKind::Float).number = std::bit_cast<double>(bits);
        return true;
      }
      default: return false;
    }
  }

  void push_text(PickleKind kind, std::size_t length_bytes) {
    const std::uint64_t size = number(length_bytes);
    push(kind).text = take(size);
  }

  bool text(unsigned char code) {
    switch (code) {
      case 'U':
      case 0x8c: push_text(PickleKind::Text, 1); return true;
      case 'T':
      case 'X': push_text(PickleKind::Text, 4); return true;
      case 0x8d: push_text(PickleKind::Text, 8); return true;
      case 'C': push_text(PickleKind::Bytes, 1); return true;
      case 'B': push_text(PickleKind::Bytes, 4); return true;
      case 0x8e:
      case 0x96: push_text(PickleKind::Bytes, 8); return true;
      default: return false;
    }
  }

  void push_tuple(std::size_t size) {
    if (stack_.size() < floor() + size) fail("takes a value from an empty stack");
    std::vector<const PickleValue*> items(stack_.end() - static_cast<std::ptrdiff_t>(size), stack_.end());
    stack_.resize(stack_.size() - size);
    push(PickleKind::Tuple).items = std::move(items);
  }

  void push_marked(PickleKind kind) {
    auto items = pop_to_mark();
    if (kind == PickleKind::Dict && items.size() % 2 != 0) fail("holds a key without a value");
    push(kind).items = std::move(items);
  }

  /// Adds items (keys and values for `pairs`) to the container on top, or to an object of a class
  /// that is filled like one.
  void extend(const std::vector<const PickleValue*>& added, bool pairs) {
    PickleValue& target = top();
    const bool fits =
        pairs ? target.kind == PickleKind::Dict : target.kind == PickleKind::List || target.kind == PickleKind::Set;
    const bool object = target.kind == PickleKind::Object && (target.items.empty() || target.pairs == pairs);
    if (!fits && !object) fail("adds items to what is no container");
    if (pairs && added.size() % 2 != 0) fail("holds a key without a value");
    target.items.insert(target.items.end(), added.begin(), added.end());
    if (object) target.pairs = pairs;
  }

  bool container(unsigned char code) {
    switch (code) {
      case ']': push(PickleKind::List); return true;
      case ')': push(PickleKind::Tuple); return true;
      case '}': push(PickleKind::Dict); return true;
      case 0x8f: push(PickleKind::Set); return true;
      case 't': push_marked(PickleKind::Tuple); return true;
      case 'l': push_marked(PickleKind::List); return true;
      case 0x91: push_marked(PickleKind::Set); return true;
      case 0x85: push_tuple(1); return true;
      case 0x86: push_tuple(2); return true;
      case 0x87: push_tuple(3); return true;
      case 'a': {
        const PickleValue* item = pop();
        extend({item}, false);
        return true;
      }
      case 's': {
        const PickleValue* value = pop();
        const PickleValue* key = pop();
        extend({key, value}, true);
        return true;
      }
      case 'e':
      case 0x90: extend(pop_to_mark(), false); return true;
      case 'u': extend(pop_to_mark(), true); return true;
      default: return false;
    }
  }

  PickleValue& push_global(std::string_view module, std::string_view name) {
    if (runs_code(module, name)) {
      throw file_error(file_,
                       "would run code if Python loaded it: its pickle names " +
                           printable_name(std::string(module) + "." + std::string(name)),
                       "nothing was run; take weights from a source that you trust");
    }
    PickleValue& global = push(PickleKind::Global);
    global.module = module;
    global.text = name;
    return global;
  }

  void push_stack_global() {
    const PickleValue* name = pop();
    const PickleValue* module = pop();
    if (name->kind != PickleKind::Text || module->kind != PickleKind::Text) fail("names a global by other than text");
    push_global(module->text, name->text);
  }

  /// The object that `callee(*arguments)` would be. Dictionaries' own classes give dictionaries.
  void push_object(const PickleValue* callee, const PickleValue* arguments, bool class_only = false) {
    const bool dict = is_global(callee, "collections.OrderedDict") || is_global(callee, "builtins.dict") ||
                      is_global(callee, "__builtin__.dict");
    const bool default_dict = is_global(callee, "collections.defaultdict");
    if ((dict && (class_only || fills_dict(arguments))) || default_dict) {
      PickleValue& value = push(PickleKind::Dict);
      if (dict && !class_only && !arguments->items.empty()) {
        for (const PickleValue* pair : arguments->items[0]->items) {
          // One list may be the argument of many calls.
          if (++instructions_ > kMaxInstructions) too_large();
          value.items.insert(value.items.end(), pair->items.begin(), pair->items.end());
        }
      }
      return;
    }
    PickleValue& value = push(PickleKind::Object);
    value.callee = callee;
    value.arguments = arguments;
  }

  /// No arguments, or one list of pairs, as Python 2 wrote it.
  static bool fills_dict(const PickleValue* arguments) {
    if (arguments->kind != PickleKind::Tuple || arguments->items.size() > 1) return false;
    if (arguments->items.empty()) return true;
    const PickleValue& pairs = *arguments->items[0];
    return pairs.kind == PickleKind::List &&
           std::all_of(pairs.items.begin(), pairs.items.end(), [](const PickleValue* pair) {
             return (pair->kind == PickleKind::List || pair->kind == PickleKind::Tuple) && pair->items.size() == 2;
           });
  }

  void build() {
    const PickleValue* state = pop();
    PickleValue& target = top();
    if (target.kind != PickleKind::Object && target.kind != PickleKind::Dict) {
      fail("sets the state of " + pickle_name(target));
    }
    target.state = state;
  }

  /// An object from a mark, its class (`module` and `name`, or below its arguments) and arguments.
  void push_marked_object(bool named) {
    const PickleValue* callee = nullptr;
    if (named) {
      const std::string_view module = line();
      const std::string_view name = line();
      push_global(module, name);
      callee = pop();
    }
    auto items = pop_to_mark();
    if (!named) {
      if (items.empty()) fail("makes an object of no class");
      callee = items.front();
      items.erase(items.begin());
    }
    PickleValue& arguments = make(PickleKind::Tuple);
    arguments.items = std::move(items);
    push_object(callee, &arguments);
  }

  /// A storage; legacy files also wrap the classes of modules, with their source code.
  void push_persistent() {
    PickleValue* id = pop();
    const bool wraps = id->kind == PickleKind::Tuple && id->items.size() > 1 &&
                       id->items[0]->kind == PickleKind::Text && id->items[0]->text == "module" &&
                       id->items[1]->kind == PickleKind::Global;
    if (wraps) {
      const PickleValue& wrapped = *id->items[1];
      push_global(wrapped.module, wrapped.text);
    } else {
      push(PickleKind::Persistent).arguments = id;
    }
  }

  bool object(unsigned char code) {
    switch (code) {
      case 'c': {
        const std::string_view module = line();
        push_global(module, line());
        return true;
      }
      case 0x93: push_stack_global(); return true;
      case 'R':
      case 0x81: {
        const PickleValue* arguments = pop();
        push_object(pop(), arguments, code == 0x81);
        return true;
      }
      case 0x92: {
        pop();
        const PickleValue* arguments = pop();
        push_object(pop(), arguments, true);
        return true;
      }
      case 'i': push_marked_object(true); return true;
      case 'o': push_marked_object(false); return true;
      case 'b': build(); return true;
      case 'Q': push_persistent(); return true;
      default: return false;
    }
  }

  void store(std::uint64_t key) {
    PickleValue* value = &top();
    memo_[key] = value;
    if (memo_.size() > kMaxPickleValues) too_large();
  }

  void recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("recalls value " + std::to_string(key) + ", which it never stored");
    stack_.push_back(found->second);
  }

  void pop_one() {
    if (!marks_.empty() && stack_.size() == marks_.back()) marks_.pop_back();
    else pop();
  }

  void begin_protocol() {
    const unsigned char protocol = byte();
    if (protocol < 2 || protocol > 5) {
      throw file_error(file_, "holds a pickle of protocol " + std::to_string(protocol) + "; 2 to 5 are supported");
    }
    has_protocol_ = true;
  }

  bool bookkeeping(unsigned char code) {
    switch (code) {
      case 0x80: begin_protocol(); return true;
      case 0x95:
        if (number(8) > content_.size() - at_) fail("is cut short");
        return true;
      case '(': marks_.push_back(stack_.size()); return true;
      case '0': pop_one(); return true;
      case '1': pop_to_mark(); return true;
      case '2': stack_.push_back(&top()); return true;
      case 'q': store(number(1)); return true;
      case 'r': store(number(4)); return true;
      case 0x94: store(memo_.size()); return true;
      case 'h': recall(number(1)); return true;
      case 'j': recall(number(4)); return true;
      default: return false;
    }
  }

  std::string_view content_;
  const std::string& file_;
  Pickle& pickle_;
  std::size_t at_ = 0;
  bool has_protocol_ = false;
  std::size_t instructions_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, PickleValue*> memo_;
};

}  // namespace

Pickle parse_pickle(std::string_view content, const std::string& file) {
  Pickle pickle;
  PickleMachine(content, file, pickle).run();
  return pickle;
}

}  // namespace mlrun::weights
