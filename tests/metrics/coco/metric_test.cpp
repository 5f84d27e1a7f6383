#include "metrics/coco/metric.h"

#include <cmath>

#include <torch/types.h>
#include <torch/utils.h>

#include "metrics/coco/cases.h"
#include "metrics/coco/result.h"

namespace mlrun::metrics {
namespace {

using Tensors = std::vector<torch::Tensor>;

torch::Tensor corners_of(const std::vector<CocoBox>& boxes, torch::ScalarType type) {
  torch::Tensor corners = torch::empty({static_cast<std::int64_t>(boxes.size()), 4}, torch::kDouble);
  auto at = corners.accessor<double, 2>();
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    at[row][0] = boxes[i].x, at[row][1] = boxes[i].y;
    at[row][2] = boxes[i].x + boxes[i].width, at[row][3] = boxes[i].y + boxes[i].height;
  }
  return corners.to(type);
}

/// The images of a case from `first` on as one batch, with what was found in them.
struct Fed {
  data::Fields prediction;
  data::Batch batch;
};

Fed feed(const test::CocoCase& one, std::size_t first, std::size_t end) {
  Fed fed;
  Tensors found_boxes, scores, found_labels, boxes, labels, crowds, areas, ids;
  for (std::size_t i = first; i < end; ++i) {
    const auto image = one.images[i];
    const auto found = one.detections.find(image);
    const auto there = one.truths.find(image);
    std::vector<CocoBox> what, where;
    std::vector<double> score, area;
    std::vector<std::int64_t> label, truth_label, crowd;
    for (const auto& item : found == one.detections.end() ? std::vector<CocoDetection>() : found->second) {
      what.push_back(item.shape.box), score.push_back(item.score);
      label.push_back(static_cast<std::int64_t>(item.category));
    }
    for (const auto& item : there == one.truths.end() ? std::vector<CocoTruth>() : there->second) {
      where.push_back(item.shape.box), area.push_back(item.area), crowd.push_back(item.crowd ? 1 : 0);
      truth_label.push_back(static_cast<std::int64_t>(item.category));
    }
    found_boxes.push_back(corners_of(what, torch::kFloat)), boxes.push_back(corners_of(where, torch::kFloat));
    scores.push_back(torch::tensor(score, torch::kDouble)), areas.push_back(torch::tensor(area, torch::kDouble));
    found_labels.push_back(torch::tensor(label, torch::kLong)),
        labels.push_back(torch::tensor(truth_label, torch::kLong));
    crowds.push_back(torch::tensor(crowd, torch::kLong).to(torch::kBool));
    fed.batch.indices.push_back(image);
    fed.batch.ids.push_back(std::to_string(image));
  }
  fed.prediction = {{"boxes", found_boxes}, {"scores", scores}, {"labels", found_labels}};
  fed.batch.targets = {{"boxes", boxes}, {"labels", labels}, {"crowd", crowds}, {"area", areas}};
  return fed;
}

/// What a model gives in float32.
CocoBox in_float(const CocoBox& box) {
  const auto narrow = [](double value) { return static_cast<double>(static_cast<float>(value)); };
  const double x = narrow(box.x), y = narrow(box.y);
  return {x, y, narrow(box.x + box.width) - x, narrow(box.y + box.height) - y};
}

/// The case with such detections, and with truths as they are.
CocoResult expected_of(test::CocoCase one) {
  for (auto& [image, list] : one.detections) {
    for (auto& found : list) {
      found.shape.box = in_float(found.shape.box);
      found.area = area_of(CocoKind::Boxes, found.shape);
    }
  }
  return result_of(one.evaluated());
}

std::unique_ptr<Metric> metric_of(const test::CocoCase& one) {
  std::vector<std::string> classes;
  for (const auto id : one.categories) classes.push_back("c" + std::to_string(id));
  return make_coco_boxes(classes);
}

void update(Metric& metric, const test::CocoCase& one, std::size_t first, std::size_t end) {
  const Fed fed = feed(one, first, end);
  metric.update(fed.prediction, fed.batch);
}

void check_same(const Metric& a, const Metric& b) {
  CHECK(values_json(a.compute()).dump() == values_json(b.compute()).dump());
  CHECK(a.details().dump() == b.details().dump());
}

}  // namespace

TEST_CASE("the metric of boxes gives COCO's figures in per cent", "[metrics][coco]") {
  std::size_t looked_at = 0;
  for (const auto& one : test::coco_cases()) {
    if (one.kind != CocoKind::Boxes) continue;
    INFO(one.name);
    const auto metric = metric_of(one);
    update(*metric, one, 0, one.images.size());
    const auto figures = metric->compute();
    const auto expected = coco_figures(expected_of(one));
    for (const auto& [name, value] : expected) {
      INFO(name);
      const auto* figure = report::find(figures, name);
      const bool sized = name.find('_') != std::string::npos;
      if (std::isnan(value)) {
        CHECK((sized ? figure == nullptr : std::isnan(figure->value)));
        continue;
      }
      REQUIRE(figure != nullptr);
      CHECK(figure->unit == "%");
      CHECK(figure->value == 100 * value);  // although the truths came as float32, too
      ++looked_at;
    }
  }
  CHECK(looked_at > 50);
}

TEST_CASE("the metric of boxes knows no batches, and is merged and saved", "[metrics][coco]") {
  const auto& one = test::coco_case_of("boxes");
  const auto whole = metric_of(one), parts = metric_of(one), first = metric_of(one), second = metric_of(one);
  update(*whole, one, 0, one.images.size());
  for (std::size_t i = one.images.size(); i-- > 0;) update(*parts, one, i, i + 1);
  check_same(*whole, *parts);
  update(*first, one, 0, 5);
  update(*second, one, 5, one.images.size());
  CHECK(first->compute()[0].value != whole->compute()[0].value);
  data::State state;
  first->save(state, "m.");
  const auto loaded = metric_of(one);
  loaded->load(state, "m.");
  check_same(*first, *loaded);
  loaded->merge(*second);
  check_same(*whole, *loaded);
  CHECK(test::user_error([&] { make_coco_boxes({"a"})->load(state, "m."); }) ==
        "the saved state 'm.rows' is of other classes; resume with the data of the run");
}

TEST_CASE("the metric of boxes shows classes, curves, errors and confusion", "[metrics][coco]") {
  const auto& one = test::coco_case_of("boxes");
  const auto metric = metric_of(one);
  update(*metric, one, 0, one.images.size());
  std::string names;
  for (const auto& exhibit : metric->exhibits()) names += exhibit.name + " ";
  CHECK(names == "per_class precision_recall errors confusion ");
  const auto exhibits = metric->exhibits();
  const std::string table = exhibit_csv(exhibits[0]);
  CHECK(table.substr(0, table.find('\n')) == "class,objects,AP,AP50,AP75,AR100");
  CHECK(table.find("c90,0,-,-,-,-") != std::string::npos);
  CHECK(exhibit_svg(exhibits[1]).find("IoU 0.75") != std::string::npos);
  CHECK(exhibit_csv(exhibits[2]).find("missed,") != std::string::npos);
  CHECK(metric->details().at("per_class").at(3).at("ap").is_null());
  CHECK(metric->details().at("confusion").at("classes").back() == "(background)");

  const auto empty = metric_of(one);
  update(*empty, test::coco_case_of("nothing there"), 0, 2);
  const auto last = empty->exhibits().back();
  CHECK(std::get<report::Remark>(last.content).text == "there are no objects in 2 images, so nothing could be found");
  CHECK(std::isnan(report::find(empty->compute(), "ap")->value));
  CHECK(report::find(empty->compute(), "ap_small") == nullptr);
}

TEST_CASE("VOC's metric of boxes is merged and saved, and leaves difficult objects out", "[metrics][voc]") {
  const auto& one = test::coco_case_of("crowded");
  const auto made = [] { return make_voc_boxes({"a"}); };
  const auto whole = made(), first = made(), second = made(), loaded = made();
  update(*whole, one, 0, 3);
  update(*first, one, 0, 1);
  update(*second, one, 1, 3);
  data::State state;
  first->save(state, "v.");
  loaded->load(state, "v.");
  check_same(*first, *loaded);
  loaded->merge(*second);
  check_same(*whole, *loaded);
  for (const std::string rule : {"eleven", "all"}) {
    const auto figure = whole->compute()[rule == "all" ? 1 : 0];
    CHECK(figure.name == (rule == "all" ? "voc_ap50" : "voc07_ap50"));
    CHECK(std::abs(figure.value - 100 * one.found.at("voc").at(rule)[0].get<double>()) < 1e-9);
  }
  CHECK(exhibit_csv(whole->exhibits()[0]).rfind("class,\"AP50, VOC 2007\"", 0) == 0);
  CHECK(test::user_error([&] {
          make_voc_boxes({"a", "b"})->load(state, "v.");
        }) == "the saved state 'v.rows' is of other classes; resume with the data of the run");

  Fed fed = feed(one, 0, 1);
  const auto count = std::get<Tensors>(fed.batch.targets.at("boxes"))[0].size(0);
  fed.batch.targets.set("difficult", Tensors{torch::ones({count}, torch::kBool)});
  const auto hard = made(), coco = make_coco_boxes({"a"});
  hard->update(fed.prediction, fed.batch);
  coco->update(fed.prediction, fed.batch);
  CHECK(std::isnan(hard->compute()[1].value));
  CHECK(std::isnan(report::find(coco->compute(), "ap")->value));
}

}  // namespace mlrun::metrics
