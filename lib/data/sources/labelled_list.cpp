#include "data/sources/labelled_list.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/unicode.h"
#include "config/registry.h"
#include "data/problem_list.h"
#include "data/shown_text.h"
#include "data/sources/csv.h"
#include "data/sources/names.h"
#include "data/sources/split_names.h"

namespace mlrun::data {
namespace {

constexpr const char* kBlanks = " \t";
constexpr const char* kSaveHint = "save the file as UTF-8";

/// Places of the columns; npos where there is none.
struct LabelColumns {
  std::size_t count = 0;
  std::size_t path = std::string::npos, label = std::string::npos;
  std::size_t split = std::string::npos, group = std::string::npos;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return shown_text(text);
}

LabelColumns find_columns(const std::vector<std::string>& header, const std::string& name, int line,
                          const std::optional<std::string>& group) {
  LabelColumns columns;
  columns.count = header.size();
  const auto place = [&](const std::string& title) {
    const auto found = std::find(header.begin(), header.end(), title);
    if (found == header.end()) return std::string::npos;
    if (std::find(found + 1, header.end(), title) != header.end()) {
      throw UserError(Problem{name, line, 0, "", "two columns are named '" + title + "'", "rename one of them"});
    }
    return static_cast<std::size_t>(found - header.begin());
  };
  columns.path = place("path");
  columns.label = place("label");
  columns.split = place("split");
  if (columns.path == std::string::npos || columns.label == std::string::npos) {
    const std::string missing = columns.path == std::string::npos ? "path" : "label";
    throw UserError(Problem{name, line, 0, "", "the header has no column '" + missing + "'; it names " + joined(header),
                            "begin the file with the line path,label or path,label,split"});
  }
  if (!group) return columns;
  columns.group = place(*group);
  if (columns.group != std::string::npos) return columns;
  const std::string guess = config::did_you_mean(*group, header);
  throw UserError(Problem{"", 0, 0, "data.split.group",
                          "there is no column '" + *group + "' in " + name + ", which has " + joined(header),
                          guess.empty() ? "name the column that holds the group of each sample" : guess});
}

std::string normal_path(const std::string& text) { return std::filesystem::path(text).lexically_normal().string(); }

/// Sorts by path and reports paths that stand there twice, in the order of their lines.
void sort_entries(LabelledList& list, ProblemList& problems) {
  auto& entries = list.entries;
  std::sort(entries.begin(), entries.end(), [](const LabelledEntry& a, const LabelledEntry& b) {
    return a.path != b.path ? a.path < b.path : a.line < b.line;
  });
  std::map<int, std::string> twice;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].path != entries[i - 1].path) continue;
    const bool differs = entries[i].label != entries[i - 1].label;
    twice[entries[i].line] = "'" + shown_text(entries[i].path) + "' stands here and in line " +
                             std::to_string(entries[i - 1].line) + (differs ? ", with another label" : "");
  }
  for (const auto& [line, message] : twice) problems.add(line, message, "remove one of the two");
}

void check_entry(const LabelledEntry& entry, ProblemList& problems) {
  if (entry.path.empty()) problems.add(entry.line, "the path is empty", "name the image, relative to this file");
  else if (!is_utf8(entry.path)) problems.add(entry.line, "the path is not UTF-8 text", kSaveHint);
  if (entry.label.empty()) return problems.add(entry.line, "the label is empty", "name the class, or remove the row");
  if (!is_utf8(entry.label)) return problems.add(entry.line, "the label is not UTF-8 text", kSaveHint);
  const std::string unfit = unfit_class_name(entry.label);
  if (!unfit.empty()) problems.add(entry.line, "the label '" + shown_text(entry.label) + "' " + unfit, "mend it");
}

/// The entry in `cells`, or nothing where something is wrong with it.
std::optional<LabelledEntry> read_entry(const std::vector<std::string>& cells, const LabelColumns& columns, int line,
                                        ProblemList& problems) {
  if (cells.size() != columns.count) {
    problems.add(line,
                 "has " + std::to_string(cells.size()) + " cells where the header has " + std::to_string(columns.count),
                 "cells that hold commas must be in quotes");
    return std::nullopt;
  }
  LabelledEntry entry;
  entry.line = line;
  entry.path = cells[columns.path];
  entry.label = cells[columns.label];
  check_entry(entry, problems);
  if (columns.group != std::string::npos) {
    entry.group = cells[columns.group];
    if (entry.group.empty()) problems.add(line, "the group is empty", "data.split.group needs one for every sample");
  }
  if (columns.split != std::string::npos) {
    const auto split = split_named(cells[columns.split]);
    if (!split)
      problems.add(line, "there is no split '" + shown_text(cells[columns.split]) + "'", "write train, val or test");
    entry.split = split.value_or(Split::Train);
  }
  if (entry.path.empty()) return std::nullopt;
  entry.path = normal_path(entry.path);
  return entry;
}

/// 0 .. N-1 as text, in their order, where the names are just these.
std::vector<std::string> numeric_order(const std::set<std::string>& names) {
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < names.size(); ++i) {
    numbers.push_back(std::to_string(i));
    if (names.count(numbers.back()) == 0) return {};
  }
  return numbers;
}

}  // namespace

void sort_by_path(LabelledList& list, const std::string& name) {
  ProblemList problems(name);
  sort_entries(list, problems);
  problems.check();
}

LabelledList read_label_csv(std::string_view text, const std::string& name, const std::optional<std::string>& group) {
  CsvReader reader(text, name);
  std::vector<std::string> cells;
  if (!reader.next(cells)) throw file_error(name, "is empty", "begin it with the line path,label");
  const LabelColumns columns = find_columns(cells, name, reader.line(), group);
  LabelledList list;
  list.has_split = columns.split != std::string::npos;
  ProblemList problems(name);
  while (reader.next(cells)) {
    if (auto entry = read_entry(cells, columns, reader.line(), problems)) list.entries.push_back(std::move(*entry));
  }
  sort_entries(list, problems);
  problems.check();
  if (list.entries.empty()) throw file_error(name, "names no images", "add a row for each image");
  return list;
}

LabelledList read_label_lines(std::string_view text, const std::string& name) {
  text = plain_text(text, name);
  LabelledList list;
  ProblemList problems(name);
  int line = 0;
  while (!text.empty()) {
    ++line;
    const std::size_t end = text.find('\n');
    std::string_view row = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    while (!row.empty() && (row.back() == ' ' || row.back() == '\t')) row.remove_suffix(1);
    row.remove_prefix(std::min(row.find_first_not_of(kBlanks), row.size()));
    if (row.empty()) continue;
    const std::size_t tab = row.find('\t');
    const std::size_t gap = tab == std::string_view::npos ? row.find_last_of(' ') : tab;
    if (gap == std::string_view::npos) {
      problems.add(line, "'" + shown_text(row) + "' has no label", "write the name, a blank and the label");
      continue;
    }
    const std::size_t path_end = row.find_last_not_of(kBlanks, gap);
    const std::size_t label_begin = row.find_first_not_of(kBlanks, gap);
    if (row.find('\t', label_begin) != std::string_view::npos) {
      problems.add(line, "has more than one tab", "write the name, one tab and the label, or use CSV");
      continue;
    }
    LabelledEntry entry;
    entry.path = normal_path(std::string(row.substr(0, path_end + 1)));
    entry.label = std::string(row.substr(label_begin));
    entry.line = line;
    check_entry(entry, problems);
    list.entries.push_back(std::move(entry));
  }
  sort_entries(list, problems);
  problems.check();
  if (list.entries.empty()) throw file_error(name, "names no images", "add a line `name label` for each image");
  return list;
}

std::vector<std::string> class_order(const LabelledList& list) {
  std::set<std::string> names;
  for (const auto& entry : list.entries) names.insert(entry.label);
  const auto numbers = numeric_order(names);
  return numbers.empty() ? std::vector<std::string>(names.begin(), names.end()) : numbers;
}

}  // namespace mlrun::data
