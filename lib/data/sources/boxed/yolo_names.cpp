#include "data/sources/boxed/yolo_names.h"

#include <charconv>
#include <map>
#include <optional>

#include "base/error.h"
#include "config/layers.h"
#include "data/shown_text.h"
#include "data/sources/boxed/box_problems.h"

namespace mlrun::data {
namespace {

using config::Node;

std::optional<std::int64_t> whole(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

class NamesReader {
 public:
  NamesReader(const Node& root, const std::string& file) : root_(root), file_(file) {}

  YoloNames read() {
    if (const Node* names = root_.find("names")) read_names(*names);
    else problem(root_, "names no classes", "names is a list of them, or a map from 0, 1, 2, ... on");
    if (const Node* count = root_.find("nc")) check_count(*count);
    if (const Node* path = root_.find("path"); path && path->type == Node::Type::Scalar) found_.path = path->scalar;
    found_.train = places("train");
    found_.val = places("val");
    if (found_.val.empty()) found_.val = places("valid");
    found_.test = places("test");
    if (const Node* shape = root_.find("kpt_shape")) read_shape(*shape);
    if (const Node* flip = root_.find("flip_idx")) read_flip(*flip);
    problems_.check();
    return std::move(found_);
  }

 private:
  void problem(const Node& at, const std::string& what, const std::string& hint) {
    problems_.add({file_, at.origin.line, at.origin.column, "", what, hint});
  }

  void read_names(const Node& names) {
    std::map<std::int64_t, std::string> by_number;
    for (const auto& item : names.items) by_number.emplace(static_cast<std::int64_t>(by_number.size()), item.scalar);
    for (const auto& entry : names.entries) {
      const auto number = whole(entry.key);
      if (!number) problem(entry.value, "'" + shown_text(entry.key) + "' is no number of a class", "they count from 0");
      else by_number.emplace(*number, entry.value.scalar);
    }
    for (const auto& [number, name] : by_number) {
      if (number != static_cast<std::int64_t>(found_.classes.size())) {
        return problem(names, "the numbers of the classes have a gap before " + std::to_string(number),
                       "they count from 0, and each has a name");
      }
      found_.classes.push_back(name);
    }
    if (found_.classes.empty())
      problem(names, "names no classes", "names is a list of them, or a map from 0, 1, 2, ... on");
  }

  void check_count(const Node& count) {
    if (found_.classes.empty() || whole(count.scalar) == static_cast<std::int64_t>(found_.classes.size())) return;
    problem(count, "nc is " + shown_text(count.scalar) + ", and names has " + std::to_string(found_.classes.size()),
            "make them agree, or leave nc out");
  }

  std::vector<std::string> places(const char* key) {
    std::vector<std::string> list;
    const Node* node = root_.find(key);
    if (node == nullptr) return list;
    if (node->type == Node::Type::Scalar && !node->scalar.empty()) list.push_back(node->scalar);
    for (const auto& item : node->items) list.push_back(item.scalar);
    return list;
  }

  void read_shape(const Node& shape) {
    const auto number = [&](std::size_t i) {
      return i < shape.items.size() ? whole(shape.items[i].scalar) : std::nullopt;
    };
    const auto count = number(0), numbers = number(1);
    if (!count || !numbers || *count < 1 || *count > 1000 || (*numbers != 2 && *numbers != 3)) {
      return problem(shape, "kpt_shape is no shape of keypoints", "[17, 3]: how many, and 2 or 3 numbers of each");
    }
    found_.keypoints = static_cast<std::size_t>(*count);
    found_.numbers = static_cast<std::size_t>(*numbers);
  }

  void read_flip(const Node& flip) {
    for (std::size_t i = 0; i < flip.items.size(); ++i) {
      const auto other = whole(flip.items[i].scalar);
      if (!other || *other < 0 || *other >= static_cast<std::int64_t>(found_.keypoints)) {
        return problem(flip, "flip_idx names no keypoints", "it has the number of each keypoint's other side");
      }
      if (static_cast<std::int64_t>(i) < *other) found_.pairs.emplace_back(i, *other);
    }
  }

  const Node& root_;
  std::string file_;
  BoxProblems problems_;
  YoloNames found_;
};

}  // namespace

YoloNames read_yolo_names(const std::string& text, const std::string& file) {
  return NamesReader(config::parse_yaml(text, file), file).read();
}

}  // namespace mlrun::data
