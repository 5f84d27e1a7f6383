#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json.h"

/// Options are declared once. A component's options are a plain struct whose static `declare`
/// names every field with its help, range, choices and unit; the member initialiser is the
/// default. YAML parsing, `key=value`, the resolved dump, the JSON Schema and the reference page
/// are all derived from that declaration.
///
///     struct SgdOptions {
///       double lr = 0.1;
///       bool nesterov = false;
///       static void declare(config::Declare<SgdOptions>& d) {
///         d("lr", &SgdOptions::lr, "learning rate").above(0);
///         d("nesterov", &SgdOptions::nesterov, "Nesterov momentum");
///       }
///     };
namespace mlrun::config {

/// A length of training as users write it: `1 epoch`, `500 steps`, `25 %`, `7.8 s`; `min` and `h`
/// are read as seconds.
struct Span {
  enum class Unit { Steps, Epochs, Percent, Seconds };
  double value = 0;
  Unit unit = Unit::Epochs;

  std::string text() const;
};

/// A component chosen by name, with its typed options.
struct Component {
  std::string name;
  std::shared_ptr<void> options;

  template <class Options>
  const Options& as() const {
    return *static_cast<const Options*>(options.get());
  }
  template <class Options>
  Options& as() {
    return *static_cast<Options*>(options.get());
  }
};

enum class Type { Boolean, Integer, Float, String, Path, Span, Pairs, Object, Component };

/// A map from string to string, in the order written.
using StringPairs = std::vector<std::pair<std::string, std::string>>;

/// Structs or components by names that users choose, in the order written. Each takes what it does not say from the
/// section that it stands in (a component only where it is the section's own).
template <class T>
using Named = std::vector<std::pair<std::string, T>>;

struct Bound {
  double value = 0;
  bool inclusive = true;
};

struct Spec;

/// What is known of one field: everything that documents it, and type-erased access to it.
struct Field {
  std::string name;
  std::string help;
  std::string unit;
  Type type = Type::String;
  bool repeated = false;  ///< a list of `type`; without `length`, one scalar stands for a list of one
  bool nullable = false;  ///< `null` is a value
  bool required = false;
  bool keyed = false;    ///< Object or Component only: a map of them by names that users choose
  bool or_name = false;  ///< Path only: what looks_like_name is a name and no file
  /// Component only: its keys stand in the same map as the struct's own fields.
  bool inlined = false;
  std::optional<Bound> minimum, maximum;  ///< of a number, or of each of a list
  std::optional<std::size_t> length;      ///< exact number of list items
  std::vector<std::string> choices;
  std::string instead_of;            ///< the field that this one, where it is given, stands in place of
  std::string kind;                  ///< Component only: which registry
  std::string discriminator;         ///< Component only: the key that names it (`name`, `format`)
  std::string default_component;     ///< Component only: used where the recipe names none
  std::shared_ptr<const Spec> spec;  ///< Object only

  /// Scalars and lists of scalars: JSON to member and back (null for nullopt).
  std::function<void(void*, const Json&)> set;
  std::function<Json(const void*)> get;
  /// Address of the member: the struct of an Object, a Component, or the vector of a repeated one.
  std::function<void*(void*)> address;
  /// Repeated or keyed Object or Component: removes all items; adds one and returns its address; reads them.
  std::function<void(void*)> clear;
  std::function<void*(void*)> append;
  std::function<std::vector<const void*>(const void*)> items;
  /// Keyed: adds one under a name and returns its address; the names in the order of `items`.
  std::function<void*(void*, const std::string&)> append_named;
  std::function<std::vector<std::string>(const void*)> names;
};

/// A rule over several fields: returns what is wrong, or nothing.
struct Rule {
  std::string key;
  std::function<std::string(const void*)> broken;
};

/// All fields of one options struct.
struct Spec {
  std::string shorthand;  ///< the key that a bare string stands for; empty: none
  std::vector<Field> fields;
  std::vector<Rule> rules;
  std::function<std::shared_ptr<void>()> make;  ///< a new struct with the defaults

  const Field* find(const std::string& name) const;
  const Field* inlined() const;  ///< the inlined component's field, or null
};

template <class T>
std::shared_ptr<const Spec> spec_of();

/// Refines the field just declared.
class FieldBuilder {
 public:
  explicit FieldBuilder(Field& field) : field_(field) {}

  FieldBuilder& min(double value) { return field_.minimum = Bound{value, true}, *this; }
  FieldBuilder& above(double value) { return field_.minimum = Bound{value, false}, *this; }
  FieldBuilder& max(double value) { return field_.maximum = Bound{value, true}, *this; }
  FieldBuilder& below(double value) { return field_.maximum = Bound{value, false}, *this; }
  FieldBuilder& length(std::size_t n) { return field_.length = n, *this; }
  FieldBuilder& choices(std::vector<std::string> values) { return field_.choices = std::move(values), *this; }
  FieldBuilder& unit(std::string text) { return field_.unit = std::move(text), *this; }
  FieldBuilder& or_name() { return field_.or_name = true, *this; }
  /// A layer that gives one of the two takes the other's value from lower ones; the other must be nullable, and is null
  /// where this one is given. Both in one layer are for a rule to refuse.
  FieldBuilder& instead_of(std::string other) { return field_.instead_of = std::move(other), *this; }
  FieldBuilder& required() { return field_.required = true, *this; }
  /// For Component fields: the registry that knows the names, and the one used by default.
  FieldBuilder& component(std::string kind, std::string default_name = "") {
    field_.kind = std::move(kind);
    field_.default_component = std::move(default_name);
    if (field_.discriminator.empty()) field_.discriminator = "name";
    return *this;
  }
  /// The component's keys stand beside the struct's own; `discriminator` names the component.
  FieldBuilder& inlined(std::string discriminator) {
    field_.inlined = true;
    field_.discriminator = std::move(discriminator);
    return *this;
  }

 private:
  Field& field_;
};

namespace detail {

template <class T>
struct Scalar;  // Type and JSON conversion of the scalar types

template <>
struct Scalar<bool> {
  static constexpr Type type = Type::Boolean;
  static Json to(bool v) { return v; }
  static bool from(const Json& v) { return v.get<bool>(); }
};
template <>
struct Scalar<std::int64_t> {
  static constexpr Type type = Type::Integer;
  static Json to(std::int64_t v) { return v; }
  static std::int64_t from(const Json& v) { return v.get<std::int64_t>(); }
};
template <>
struct Scalar<double> {
  static constexpr Type type = Type::Float;
  static Json to(double v) { return v; }
  static double from(const Json& v) { return v.get<double>(); }
};
template <>
struct Scalar<std::string> {
  static constexpr Type type = Type::String;
  static Json to(const std::string& v) { return v; }
  static std::string from(const Json& v) { return v.get<std::string>(); }
};
template <>
struct Scalar<std::filesystem::path> {
  static constexpr Type type = Type::Path;
  static Json to(const std::filesystem::path& v) { return v.string(); }
  static std::filesystem::path from(const Json& v) { return v.get<std::string>(); }
};
template <>
struct Scalar<StringPairs> {
  static constexpr Type type = Type::Pairs;
  static Json to(const StringPairs& v) {
    Json map = Json::object();
    for (const auto& [key, value] : v) map[key] = value;
    return map;
  }
  static StringPairs from(const Json& v) {
    StringPairs pairs;
    for (const auto& [key, value] : v.items()) pairs.emplace_back(key, value.get<std::string>());
    return pairs;
  }
};
template <>
struct Scalar<Span> {
  static constexpr Type type = Type::Span;
  static Json to(const Span& v) { return v.text(); }
  static Span from(const Json& v);  // of text that parse_span accepts
};

template <class T, class = void>
struct IsScalar : std::false_type {};
template <class T>
struct IsScalar<T, std::void_t<decltype(Scalar<T>::type)>> : std::true_type {};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {
  using Item = T;
};
template <class T>
struct IsNamed : std::false_type {};
template <class T>
struct IsNamed<Named<T>> : std::true_type {
  using Item = T;
};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {
  using Item = T;
};

}  // namespace detail

/// Collects the declarations of one struct; see the top of this file.
template <class T>
class Declare {
 public:
  explicit Declare(Spec& spec) : spec_(spec) {}

  template <class M>
  FieldBuilder operator()(std::string name, M T::*member, std::string help) {
    Field field;
    field.name = std::move(name);
    field.help = std::move(help);
    bind(field, member);
    spec_.fields.push_back(std::move(field));
    return FieldBuilder(spec_.fields.back());
  }

  /// The field that a bare string in place of the map stands for.
  void shorthand(std::string name) { spec_.shorthand = std::move(name); }

  /// `broken` returns what is wrong with the struct as a whole, or an empty string; the problem is
  /// reported at `key`.
  void rule(std::string key, std::function<std::string(const T&)> broken) {
    spec_.rules.push_back({std::move(key), [broken = std::move(broken)](const void* object) {
                             return broken(*static_cast<const T*>(object));
                           }});
  }

 private:
  template <class M>
  static M& of(void* object, M T::*member) {
    return static_cast<T*>(object)->*member;
  }
  template <class M>
  static const M& of(const void* object, M T::*member) {
    return static_cast<const T*>(object)->*member;
  }

  template <class M>
  void bind(Field& field, M T::*member) {
    if constexpr (detail::IsScalar<M>::value) {
      bind_scalar(field, member);
    } else if constexpr (detail::IsOptional<M>::value) {
      bind_optional(field, member);
    } else if constexpr (detail::IsNamed<M>::value) {
      bind_named(field, member);
    } else if constexpr (detail::IsVector<M>::value) {
      field.repeated = true;
      bind_list(field, member);
    } else {
      bind_struct<M>(field);
      field.address = [member](void* object) -> void* { return &of(object, member); };
    }
  }

  template <class M>
  void bind_scalar(Field& field, M T::*member) {
    using Scalar = detail::Scalar<M>;
    field.type = Scalar::type;
    field.set = [member](void* object, const Json& v) { of(object, member) = Scalar::from(v); };
    field.get = [member](const void* object) { return Scalar::to(of(object, member)); };
  }

  template <class M>
  void bind_optional(Field& field, M T::*member) {
    using Scalar = detail::Scalar<typename detail::IsOptional<M>::Item>;
    field.type = Scalar::type;
    field.nullable = true;
    field.set = [member](void* object, const Json& v) {
      if (v.is_null()) of(object, member).reset();
      else of(object, member) = Scalar::from(v);
    };
    field.get = [member](const void* object) {
      const auto& value = of(object, member);
      return value ? Scalar::to(*value) : Json(nullptr);
    };
  }

  template <class M>
  void bind_list(Field& field, M T::*member) {
    using Item = typename detail::IsVector<M>::Item;
    if constexpr (detail::IsScalar<Item>::value) {
      using Scalar = detail::Scalar<Item>;
      field.type = Scalar::type;
      field.set = [member](void* object, const Json& v) {
        of(object, member).clear();
        for (const auto& item : v) of(object, member).push_back(Scalar::from(item));
      };
      field.get = [member](const void* object) {
        Json list = Json::array();
        for (const auto& item : of(object, member)) list.push_back(Scalar::to(item));
        return list;
      };
    } else {
      bind_struct<Item>(field);
      field.clear = [member](void* object) { of(object, member).clear(); };
      field.append = [member](void* object) -> void* { return &of(object, member).emplace_back(); };
      field.items = [member](const void* object) {
        std::vector<const void*> addresses;
        for (const auto& item : of(object, member)) addresses.push_back(&item);
        return addresses;
      };
    }
  }

  template <class M>
  void bind_named(Field& field, M T::*member) {
    field.keyed = true;
    bind_struct<typename detail::IsNamed<M>::Item>(field);
    field.clear = [member](void* object) { of(object, member).clear(); };
    field.append_named = [member](void* object, const std::string& name) -> void* {
      auto& items = of(object, member);
      items.emplace_back().first = name;
      return &items.back().second;
    };
    field.items = [member](const void* object) {
      std::vector<const void*> addresses;
      for (const auto& item : of(object, member)) addresses.push_back(&item.second);
      return addresses;
    };
    field.names = [member](const void* object) {
      std::vector<std::string> names;
      for (const auto& item : of(object, member)) names.push_back(item.first);
      return names;
    };
  }

  template <class M>
  static void bind_struct(Field& field) {
    if constexpr (std::is_same_v<M, Component>) {
      field.type = Type::Component;
      field.discriminator = "name";
    } else {
      field.type = Type::Object;
      field.spec = spec_of<M>();
    }
  }

  Spec& spec_;
};

/// The declaration of `T`, made anew from `T::declare`.
template <class T>
std::shared_ptr<const Spec> spec_of() {
  auto spec = std::make_shared<Spec>();
  spec->make = [] { return std::shared_ptr<void>(std::make_shared<T>()); };
  Declare<T> declare(*spec);
  T::declare(declare);
  return spec;
}

/// Options of a component that has none.
struct NoOptions {
  static void declare(Declare<NoOptions>&) {}
};

/// True of names of published weights, which stand where a file may: `IMAGENET1K_V1`,
/// `resnet50/IMAGENET1K_V2`, `ResNet50_Weights.DEFAULT`. Their last part is in capitals, digits and
/// underscores, with a letter first; `./NAME` is a file.
bool looks_like_name(const std::string& text);

/// Reads `1 epoch`, `500 steps`, `25 %`, `7.8 s` (also without the space); nothing where the text
/// is none of them. A bare number is not a span.
std::optional<Span> parse_span(const std::string& text);

}  // namespace mlrun::config
