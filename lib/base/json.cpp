#include "base/json.h"

#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json_items.h"

namespace mlrun {
namespace {

using TakeItem = std::function<void(const std::string& list, Json item)>;

/// Builds the value event by event. The library's own builder knows no bounds, and looks through all keys of an object
/// for each further one.
class JsonBuilder : public nlohmann::json_sax<Json> {
 public:
  /// With `take`, objects and lists in the lists of the outermost object are given away one by one; with a depth of 1
  /// those in the outermost list.
  explicit JsonBuilder(const TakeItem* take = nullptr, std::size_t depth = 2) : take_(take), depth_(depth) {}

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(Json::number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(Json::number_unsigned_t value) override { return add(value) != nullptr; }
  bool number_float(Json::number_float_t value, const std::string&) override { return add(value) != nullptr; }
  bool string(std::string& value) override { return add(std::move(value)) != nullptr; }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  bool key(std::string& name) override {
    key_ = std::move(name);
    return true;
  }

  Json take() { return std::move(root_); }

 private:
  /// A list or an object that is not finished, with the places of an object's keys once it has many.
  struct Level {
    Json* value;
    std::unordered_map<std::string, std::ptrdiff_t> places;
  };

  /// Null where there are too many values.
  Json* add(Json value) {
    if (++count_ > kMostJsonValues) return nullptr;
    if (levels_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = levels_.back();
    if (level.value->is_object()) return member(level, std::move(value));
    auto& list = level.value->get_ref<Json::array_t&>();
    list.push_back(std::move(value));
    return &list.back();
  }

  Json* member(Level& level, Json value) {
    constexpr std::size_t kFew = 16;  // keys that are sooner looked through than counted
    auto& object = level.value->get_ref<Json::object_t&>();
    auto found = object.end();
    if (object.size() < kFew) {
      found = object.find(key_);
    } else {
      if (level.places.empty()) {
        for (auto it = object.begin(); it != object.end(); ++it) level.places.emplace(it->first, it - object.begin());
      }
      found = object.begin() + level.places.emplace(key_, object.end() - object.begin()).first->second;
    }
    if (found == object.end()) {
      object.emplace_back(std::move(key_), std::move(value));
      return &object.back().second;
    }
    found->second = std::move(value);
    return &found->second;
  }

  bool open(Json value) {
    if (levels_.size() == kDeepestJson) return false;
    if (levels_.size() == 1) list_ = key_;
    Json* const added = add(std::move(value));
    if (added != nullptr) levels_.push_back({added, {}});
    return added != nullptr;
  }

  bool close() {
    levels_.pop_back();
    if (take_ == nullptr || levels_.size() != depth_ || !levels_.back().value->is_array()) return true;
    auto& list = levels_.back().value->get_ref<Json::array_t&>();
    (*take_)(list_, std::move(list.back()));
    list.pop_back();
    count_ = 0;
    return true;
  }

  Json root_;
  std::vector<Level> levels_;
  std::string key_, list_;
  std::size_t count_ = 0;
  const TakeItem* take_;
  std::size_t depth_;
};

bool parse_with(JsonBuilder& builder, std::string_view text) {
  // The library takes a zero byte for the end.
  return text.find('\0') == std::string_view::npos && Json::sax_parse(text.begin(), text.end(), &builder);
}

}  // namespace

Json parse_json(std::string_view text) {
  JsonBuilder builder;
  return parse_with(builder, text) ? builder.take() : Json(Json::value_t::discarded);
}

bool parse_json_items(std::string_view text, const TakeItem& take) {
  JsonBuilder builder(&take);
  return parse_with(builder, text) && builder.take().is_object();
}

bool parse_json_list(std::string_view text, const std::function<void(Json item)>& take) {
  const TakeItem take_item = [&](const std::string&, Json item) { take(std::move(item)); };
  JsonBuilder builder(&take_item, 1);
  if (!parse_with(builder, text)) return false;
  const Json rest = builder.take();
  return rest.is_array() && rest.empty();
}

std::string json_text(const Json& value, int indent) {
  return value.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace mlrun
