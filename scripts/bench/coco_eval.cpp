// COCO's evaluation of boxes as a program: reads annotations and results, and says what they give and what it took.
//
//     coco_eval ANNOTATIONS RESULTS

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <unordered_map>

#include "base/json_items.h"
#include "metrics/coco/result.h"
#include "metrics/coco/results.h"

using namespace mlrun;

namespace {

struct Truths {
  std::vector<std::int64_t> images, categories;  // ids, ascending
  std::unordered_map<std::int64_t, std::vector<metrics::CocoTruth>> by_image;
};

Truths read_truths(const std::string& path) {
  Truths truths;
  const bool whole = parse_json_items(read_file(path), [&](const std::string& list, const Json& item) {
    if (list == "images") truths.images.push_back(item.at("id").get<std::int64_t>());
    if (list == "categories") truths.categories.push_back(item.at("id").get<std::int64_t>());
    if (list != "annotations") return;
    metrics::CocoTruth truth;
    truth.category = item.at("category_id").get<std::size_t>();  // an id until all are known
    const Json& box = item.at("bbox");
    truth.shape.box = {box[0].get<double>(), box[1].get<double>(), box[2].get<double>(), box[3].get<double>()};
    truth.area = item.at("area").get<double>();
    truth.crowd = item.at("iscrowd") == 1;
    truths.by_image[item.at("image_id").get<std::int64_t>()].push_back(std::move(truth));
  });
  if (!whole) throw file_error(path, "is no JSON of COCO's form");
  std::sort(truths.images.begin(), truths.images.end());
  auto& ids = truths.categories;
  std::sort(ids.begin(), ids.end());
  for (auto& [image, list] : truths.by_image) {
    for (auto& truth : list) {
      const auto place = std::lower_bound(ids.begin(), ids.end(), static_cast<std::int64_t>(truth.category));
      truth.category = static_cast<std::size_t>(place - ids.begin());
    }
  }
  return truths;
}

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: coco_eval ANNOTATIONS RESULTS\n");
    return 2;
  }
  try {
    const Truths truths = read_truths(argv[1]);
    auto found = metrics::detections_of(metrics::read_coco_results(read_file(argv[2]), argv[2]),
                                        metrics::CocoKind::Boxes, truths.images, truths.categories, argv[2]);
    const double loaded = processor_seconds();
    metrics::CocoEvaluation evaluation(metrics::CocoSettings::of(metrics::CocoKind::Boxes), truths.categories.size());
    for (const auto image : truths.images) {
      const auto there = truths.by_image.find(image);
      evaluation.add(image, there == truths.by_image.end() ? std::vector<metrics::CocoTruth>() : there->second,
                     found[image]);
    }
    const double evaluated = processor_seconds();
    Json figures = Json::object();
    for (const auto& [name, value] : metrics::coco_figures(metrics::result_of(evaluation))) figures[name] = value;
    const double done = processor_seconds();
    struct rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    const Json said = {{"load", loaded},
                       {"evaluate", evaluated - loaded},
                       {"accumulate", done - evaluated},
                       {"mb", static_cast<double>(usage.ru_maxrss) / 1024},
                       {"figures", figures}};
    std::printf("%s\n", json_text(said).c_str());
    return 0;
  } catch (const UserError& error) {
    std::fprintf(stderr, "coco_eval: %s\n", error.what());
    return 2;
  }
}
