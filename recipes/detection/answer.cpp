#include "recipes/detection/answer.h"

#include <string>
#include <utility>
#include <vector>

#include <torch/utils.h>

#include "base/files.h"
#include "data/boxes/draw_things.h"
#include "report/format.h"
#include "report/png.h"

namespace mlrun::detection {
namespace {

/// One box, in pixels.
struct Row {
  std::size_t label;
  double score, left, top, right, bottom;
};

std::vector<Row> rows_of(const Found& found) {
  const torch::Tensor boxes = found.boxes.to(torch::kDouble).contiguous(), scores = found.scores.to(torch::kDouble);
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < boxes.size(0); ++i) {
    const double* sides = boxes.data_ptr<double>() + 4 * i;
    rows.push_back({static_cast<std::size_t>(found.labels[i].item<std::int64_t>()), scores[i].item<double>(), sides[0],
                    sides[1], sides[2], sides[3]});
  }
  return rows;
}

void write_picture(const torch::Tensor& picture, const std::filesystem::path& file) {
  const torch::Tensor pixels = picture.contiguous();
  write_file(file, report::png(pixels.data_ptr<std::uint8_t>(), pixels.size(1), pixels.size(0), pixels.size(2)));
}

}  // namespace

Found of_score(const Found& found, double least) {
  const torch::Tensor kept = found.scores >= least;
  return {found.boxes.index({kept}), found.scores.index({kept}), found.labels.index({kept})};
}

torch::Tensor drawn(const data::DataInfo& info, const Found& found, const torch::Tensor& picture, bool scored) {
  data::DrawnThings things;
  things.boxes = found.boxes;
  things.labels = found.labels;
  if (scored) things.scores = found.scores;
  return data::draw_things(picture, things, data::drawing_style(info));
}

engine::Answer answer_of(const data::DataInfo& info, const Found& found, const torch::Tensor& picture, double shown) {
  using report::Align;
  engine::Answer answer{Json::array(),
                        report::Table({{"class", Align::Left}, {"score"}, {"left"}, {"top"}, {"right"}, {"bottom"}}),
                        report::Table({{"class"}, {"index"}, {"score"}, {"left"}, {"top"}, {"right"}, {"bottom"}})};
  for (const Row& row : rows_of(found)) {
    const std::string& name = info.classes.at(row.label);
    const std::vector<double> sides = {row.left, row.top, row.right, row.bottom};
    answer.json.push_back({{"class", name}, {"index", row.label}, {"score", row.score}, {"box", sides}});
    std::vector<std::string> record = {name, std::to_string(row.label), report::shortest(row.score)}, line = {name};
    line.push_back(report::percent(row.score, 1));
    for (const double side : sides) record.push_back(report::shortest(side)), line.push_back(report::fixed(side, 1));
    answer.records.add(record);
    if (row.score >= shown) answer.table.add(line);
  }
  if (!picture.defined()) return answer;
  const auto write = [info, best = of_score(found, shown), picture](const std::filesystem::path& file) {
    write_picture(drawn(info, best, picture, true), file);
  };
  answer.files.push_back({"_boxes.png", write});
  return answer;
}

}  // namespace mlrun::detection
