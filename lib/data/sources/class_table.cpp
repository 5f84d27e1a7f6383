#include "data/sources/class_table.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/error.h"
#include "data/problem_list.h"
#include "data/shown_text.h"
#include "data/sources/csv.h"
#include "data/sources/names.h"

namespace mlrun::data {
namespace {

constexpr const char* kHeader = "the header is name,value or name,r,g,b or name,value,r,g,b";

std::string trimmed(const std::string& cell) {
  const auto first = cell.find_first_not_of(" \t");
  return first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::optional<std::int64_t> number(const std::string& text, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most) return {};
  return value;
}

class TableReader {
 public:
  TableReader(std::string_view text, const std::string& name) : file_(name), rows_(text, name), problems_(name) {}

  ClassTable read() {
    std::vector<std::string> cells;
    read_header(cells);
    while (rows_.next(cells)) row(cells);
    problems_.check();
    if (table_.names.empty()) throw file_error(file_, "names no class", kHeader);
    if (table_.names.size() > kMostMaskClasses) throw file_error(file_, "names more than 255 classes");
    check_class_names(table_.names, file_);
    return std::move(table_);
  }

 private:
  using Place = std::optional<std::size_t>;

  void read_header(std::vector<std::string>& cells) {
    if (!rows_.next(cells)) throw file_error(file_, "is empty", kHeader);
    columns_ = cells.size();
    const auto find = [&](const char* name) -> Place {
      const auto at = std::find_if(cells.begin(), cells.end(),
                                   [&](const std::string& cell) { return lower(trimmed(cell)) == name; });
      return at == cells.end() ? std::nullopt : Place(static_cast<std::size_t>(at - cells.begin()));
    };
    name_ = find("name");
    value_ = find("value");
    for (std::size_t c = 0; c < 3; ++c) colour_[c] = find(kColours[c]);
    const bool all = colour_[0] && colour_[1] && colour_[2], none = !colour_[0] && !colour_[1] && !colour_[2];
    if (!name_ || (!all && !none) || (none && !value_)) {
      throw UserError(Problem{file_, rows_.line(), 0, "", "does not name the columns of a table of classes", kHeader});
    }
  }

  void row(const std::vector<std::string>& cells) {
    if (cells.size() != columns_) {
      problems_.add(rows_.line(), "has " + std::to_string(cells.size()) + " cells",
                    "the header has " + std::to_string(columns_));
      return;
    }
    const std::string name = trimmed(cells[*name_]);
    if (!name.empty() && std::count(table_.names.begin(), table_.names.end(), name) > 0) {
      problems_.add(rows_.line(), "'" + shown_text(name) + "' stands there twice", "give each class a name of its own");
    }
    if (!name.empty()) table_.names.push_back(name);
    if (value_) add_value(cells[*value_], name.empty() ? table_.ignored_values : table_.values);
    if (colour_[0]) add_colour(cells, name.empty() ? table_.ignored_colours : table_.colours);
  }

  void add_value(const std::string& cell, std::vector<std::int64_t>& list) {
    const auto value = number(trimmed(cell), kMostMaskValue);
    const auto seen = [&](const auto& values) { return std::count(values.begin(), values.end(), *value) > 0; };
    if (!value) {
      problems_.add(rows_.line(), "'" + shown_text(cell) + "' is no value of a mask", "values are 0 to 65535");
    } else if (seen(table_.values) || seen(table_.ignored_values)) {
      problems_.add(rows_.line(), "the value " + std::to_string(*value) + " stands there twice",
                    "each value is of one class");
    }
    list.push_back(value.value_or(0));
  }

  void add_colour(const std::vector<std::string>& cells, std::vector<Colour>& list) {
    Colour colour{};
    for (std::size_t c = 0; c < 3; ++c) {
      const std::string& cell = cells[*colour_[c]];
      const auto value = number(trimmed(cell), 255);
      if (!value) problems_.add(rows_.line(), "'" + shown_text(cell) + "' is no part of a colour", "they are 0 to 255");
      colour[c] = static_cast<std::uint8_t>(value.value_or(0));
    }
    for (const auto& seen : {table_.colours, table_.ignored_colours}) {
      if (std::count(seen.begin(), seen.end(), colour) == 0) continue;
      problems_.add(rows_.line(), "the colour stands there twice", "each colour is of one class");
    }
    list.push_back(colour);
  }

  static constexpr const char* kColours[3] = {"r", "g", "b"};

  std::string file_;
  CsvReader rows_;
  ProblemList problems_;
  ClassTable table_;
  std::size_t columns_ = 0;
  Place name_, value_, colour_[3];
};

}  // namespace

ClassTable read_class_table(std::string_view text, const std::string& name) { return TableReader(text, name).read(); }

std::vector<Colour> named_colours(const std::vector<std::string>& texts, std::size_t classes, const std::string& key) {
  const auto refuse = [&](const std::string& what, const std::string& hint) -> UserError {
    return UserError(Problem{"", 0, 0, key, what, hint});
  };
  if (texts.size() == 1 && texts[0] == "voc") return voc_colours(classes);
  if (texts.size() == 1 && texts[0] == "cityscapes") {
    if (classes == cityscapes_colours().size()) return cityscapes_colours();
    throw refuse("cityscapes has 19 classes, and the data have " + std::to_string(classes), "give a colour for each");
  }
  std::vector<Colour> colours;
  for (const auto& text : texts) {
    const auto colour = parse_colour(text);
    if (!colour)
      throw refuse("'" + shown_text(text) + "' is no colour", "write \"#804080\" or 128 64 128, or voc alone");
    if (std::count(colours.begin(), colours.end(), *colour) > 0) {
      throw refuse("'" + shown_text(text) + "' stands there twice", "each class has a colour of its own");
    }
    colours.push_back(*colour);
  }
  if (!colours.empty() && colours.size() != classes) {
    throw refuse(
        "has " + std::to_string(colours.size()) + " colours, and there are " + std::to_string(classes) + " classes",
        "give one for each class, in the order of data.classes");
  }
  return colours;
}

}  // namespace mlrun::data
