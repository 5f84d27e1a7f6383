#include "data/sources/boxed/yolo_text.h"

#include <algorithm>
#include <optional>

#include "data/shown_text.h"
#include "data/sources/boxed/xml_text.h"

namespace mlrun::data {
namespace {

constexpr double kBeyond = 1.5;  // a share that lies this far out was no share

class YoloReader {
 public:
  YoloReader(const std::string& name, const YoloForm& form, BoxProblems& problems)
      : name_(name), form_(form), problems_(problems) {}

  std::vector<BoxedObject> read(std::string_view text) {
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      ++line_;
      read_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::move(found_);
  }

 private:
  void problem(const std::string& what, const std::string& hint) { problems_.add(name_, line_, what, hint); }

  void read_line(std::string_view line) {
    constexpr std::string_view kBlanks = " \t\r";
    std::vector<double> values;
    for (auto at = line.find_first_not_of(kBlanks); at != std::string_view::npos;
         at = line.find_first_not_of(kBlanks, at)) {
      const auto end = std::min(line.find_first_of(kBlanks, at), line.size());
      const auto value = number_of(line.substr(at, end - at));
      if (!value) {
        return problem("'" + shown_text(line.substr(at, end - at)) + "' is no number",
                       "a line is: class x y width height");
      }
      values.push_back(*value);
      at = end;
    }
    if (!values.empty()) object(values);
  }

  void object(const std::vector<double>& values) {
    const auto label = static_cast<std::int64_t>(std::clamp(values[0], -1.0, 1e9));
    if (static_cast<double>(label) != values[0] || label < 0 || label >= static_cast<std::int64_t>(form_.classes)) {
      return problem("the class " + number_text(values[0]) + " is none",
                     "there are " + std::to_string(form_.classes) + ", counted from 0, in the names");
    }
    BoxedObject object;
    object.label = label;
    object.line = line_;
    const std::vector<double> rest(values.begin() + 1, values.end());
    if (!in_range(rest)) return;
    const std::size_t posed = 4 + form_.keypoints * form_.numbers;
    if (rest.size() == posed) boxed(rest, object);
    else if (form_.keypoints == 0 && rest.size() >= 6 && rest.size() % 2 == 0) outlined(rest, object);
    else return problem("has " + std::to_string(values.size()) + " numbers", hint(rest.size()));
    found_.push_back(std::move(object));
  }

  std::string hint(std::size_t count) const {
    if (form_.keypoints > 0) return "a line is: class x y width height, and the keypoints that kpt_shape says";
    return count == 5 ? "labels have no sixth, the score of predictions" : "a line is: class x y width height";
  }

  bool in_range(const std::vector<double>& shares) {
    const std::size_t places = form_.keypoints > 0 ? 4 : shares.size();
    for (std::size_t i = 0; i < std::min(places, shares.size()); ++i) {
      if (shares[i] >= 1 - kBeyond && shares[i] <= kBeyond) continue;
      problem(number_text(shares[i]) + " is no share of an image's side", "divide pixels by its width and height");
      return false;
    }
    return true;
  }

  void boxed(const std::vector<double>& of, BoxedObject& object) const {
    object.box = {of[0] - of[2] / 2, of[1] - of[3] / 2, of[0] + of[2] / 2, of[1] + of[3] / 2};
    for (std::size_t i = 4; i < of.size(); i += form_.numbers) {
      const bool marked = of[i] != 0 || of[i + 1] != 0;
      object.keypoints.push_back(of[i]);
      object.keypoints.push_back(of[i + 1]);
      object.keypoints.push_back(form_.numbers == 3 ? of[i + 2] : marked ? 2 : 0);
    }
  }

  static void outlined(const std::vector<double>& corners, BoxedObject& object) {
    auto& box = object.box;
    box = {corners[0], corners[1], corners[0], corners[1]};
    for (std::size_t i = 0; i < corners.size(); ++i) {
      box[i % 2] = std::min(box[i % 2], corners[i]);
      box[2 + i % 2] = std::max(box[2 + i % 2], corners[i]);
    }
    object.shares.push_back(corners);
  }

  std::string name_;
  YoloForm form_;
  BoxProblems& problems_;
  int line_ = 0;
  std::vector<BoxedObject> found_;
};

}  // namespace

std::vector<BoxedObject> read_yolo(std::string_view text, const std::string& name, const YoloForm& form,
                                   BoxProblems& problems) {
  return YoloReader(name, form, problems).read(text);
}

}  // namespace mlrun::data
