// Any bytes as CSV, as a label file in CSV, and as lines of names and labels.

#include <optional>
#include <vector>

#include "data/sources/csv.h"
#include "data/sources/labelled_list.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  const std::string_view text = fuzz::bytes_of(data, size);
  fuzz::tolerate([&] {
    data::CsvReader reader(text, "f.csv");
    std::vector<std::string> cells;
    std::size_t held = 0;
    while (reader.next(cells)) {
      fuzz::require(!cells.empty() && reader.line() >= 1, "a row has a cell and a line");
      for (const auto& cell : cells) held += cell.size();
    }
    fuzz::require(held <= size, "cells hold no more than the text");
  });
  for (const auto& group : {std::optional<std::string>(), std::optional<std::string>("g")}) {
    fuzz::tolerate([&] {
      const auto list = data::read_label_csv(text, "f.csv", group);
      fuzz::require(!list.entries.empty(), "a label file that is accepted names images");
      data::class_order(list);
    });
  }
  fuzz::tolerate([&] {
    for (const auto& entry : data::read_label_lines(text, "f.txt").entries) {
      fuzz::require(!entry.path.empty() && !entry.label.empty(), "a line has a name and a label");
    }
  });
  return 0;
}
