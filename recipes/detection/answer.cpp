#include "recipes/detection/answer.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <torch/utils.h>

#include "base/files.h"
#include "data/boxes/draw_things.h"
#include "data/boxes/mask_runs.h"
#include "metrics/coco/results.h"
#include "recipes/detection/samples.h"
#include "report/format.h"
#include "report/png.h"

namespace mlrun::detection {
namespace {

void write_picture(const torch::Tensor& picture, const std::filesystem::path& file) {
  const torch::Tensor pixels = picture.contiguous();
  write_file(file, report::png(pixels.data_ptr<std::uint8_t>(), pixels.size(1), pixels.size(0), pixels.size(2)));
}

/// COCO's lines between the points of people, for models whose data name none.
const std::vector<std::pair<std::int64_t, std::int64_t>>& person_skeleton() {
  static const std::vector<std::pair<std::int64_t, std::int64_t>> lines = {
      {15, 13}, {13, 11}, {16, 14}, {14, 12}, {11, 12}, {5, 11}, {6, 12}, {5, 6}, {5, 7}, {6, 8},
      {7, 9},   {8, 10},  {1, 2},   {0, 1},   {0, 2},   {1, 3},  {2, 4},  {3, 5}, {4, 6}};
  return lines;
}

/// Whether words beside things would hide more than they say.
bool hides(const Found& found) {
  constexpr std::int64_t kMostNamed = 30, kMostMasksNamed = 12;
  return found.boxes.size(0) > (found.shapes.empty() ? kMostNamed : kMostMasksNamed);
}

data::DrawingStyle style_of(const data::DataInfo& info, const Found& found) {
  constexpr std::int64_t kPersonPoints = 17;
  data::DrawingStyle style = data::drawing_style(info);
  if (style.names.size() == 1 || hides(found)) style.names.clear();
  style.by_thing = info.classes.size() == 1 && !found.shapes.empty();
  const bool person = found.keypoints.defined() && found.keypoints.size(1) == kPersonPoints;
  if (style.skeleton.empty() && person) style.skeleton = person_skeleton();
  return style;
}

/// What more is known of it than its box.
void add_details(const Found& found, std::size_t row, Json& item) {
  const metrics::CocoShape shape = shape_of(found, row);
  if (!shape.mask.counts.empty()) {
    item["segmentation"] = {{"size", {shape.mask.height, shape.mask.width}},
                            {"counts", metrics::runs_text(shape.mask)}};
  }
  if (!shape.keypoints.empty()) item["keypoints"] = shape.keypoints;
}

}  // namespace

Found found_in(const data::Fields& prediction, std::size_t image) {
  const auto of = [&](const char* name) { return list_of(prediction, name).at(image); };
  Found found{of("boxes"), of("scores"), of("labels")};
  if (prediction.has("keypoints")) found.keypoints = of("keypoints");
  if (prediction.has("masks")) found.shapes = data::unpacked_runs(of("masks"));
  return found;
}

Found of_score(const Found& found, double least) { return found.rows(found.scores >= least); }

metrics::CocoShape shape_of(const Found& found, std::size_t row) {
  const auto i = static_cast<std::int64_t>(row);
  const torch::Tensor box = found.boxes[i].to(torch::kDouble).contiguous();
  const double* sides = box.data_ptr<double>();
  metrics::CocoShape shape;
  shape.box = {sides[0], sides[1], sides[2] - sides[0], sides[3] - sides[1]};
  if (!found.shapes.empty()) shape.mask = found.shapes.at(row);
  if (!found.keypoints.defined()) return shape;
  const torch::Tensor points = found.keypoints[i].to(torch::kDouble).contiguous();
  shape.keypoints.assign(points.data_ptr<double>(), points.data_ptr<double>() + points.numel());
  return shape;
}

torch::Tensor drawn(const data::DataInfo& info, const Found& found, const torch::Tensor& picture, bool scored) {
  data::DrawnThings things;
  things.boxes = found.boxes;
  things.labels = found.labels;
  things.shapes = found.shapes;
  things.keypoints = found.keypoints;
  if (scored && !hides(found)) things.scores = found.scores;
  return data::draw_things(picture, things, style_of(info, found));
}

engine::Answer answer_of(const data::DataInfo& info, const Found& found, const torch::Tensor& picture, double shown) {
  using report::Align;
  engine::Answer answer{Json::array(),
                        report::Table({{"class", Align::Left}, {"score"}, {"left"}, {"top"}, {"right"}, {"bottom"}}),
                        report::Table({{"class"}, {"index"}, {"score"}, {"left"}, {"top"}, {"right"}, {"bottom"}})};
  for (const Row& row : rows_of(found)) {
    const std::string& name = info.classes.at(row.label);
    const std::vector<double> sides = {row.left, row.top, row.right, row.bottom};
    Json item = {{"class", name}, {"index", row.label}, {"score", row.score}, {"box", sides}};
    add_details(found, answer.json.size(), item);
    answer.json.push_back(std::move(item));
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
