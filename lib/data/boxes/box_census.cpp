#include "data/boxes/box_census.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include <torch/types.h>

#include "data/parallel_for.h"
#include "data/sources/boxed/target_source.h"
#include "report/format.h"

namespace mlrun::data {
namespace {

constexpr double kSmall = 32.0 * 32.0, kMedium = 96.0 * 96.0;
constexpr float kSame = 0.98F;  // IoU of boxes that are one thing's
constexpr std::size_t kMostShownNames = 8;

float overlap(const float* a, const float* b) {
  const float across = std::max(std::min(a[2], b[2]) - std::max(a[0], b[0]), 0.0F);
  const float down = std::max(std::min(a[3], b[3]) - std::max(a[1], b[1]), 0.0F);
  const float both = across * down;
  return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

class BoxCensus {
 public:
  explicit BoxCensus(std::size_t classes) : classes_(classes) {}

  void begin(Split split) {
    BoxCounts& counts = counts_[split];
    counts.boxes.resize(classes_);
    counts.images.resize(classes_);
  }

  void add(Split split, const std::string& id, const Fields& targets) {
    const torch::Tensor boxes = targets.tensor("boxes").contiguous(), labels = targets.tensor("labels").contiguous();
    const torch::Tensor areas = targets.tensor("area").contiguous();
    const std::int64_t count = boxes.size(0);
    const bool twice = drawn_twice(boxes, labels);
    const std::lock_guard<std::mutex> lock(guard_);
    BoxCounts& counts = counts_.at(split);
    ++counts.all_images;
    counts.empty_images += count == 0 ? 1 : 0;
    counts.per_image.push_back(count);
    counts.crowds += targets.tensor("crowd").sum().item<std::int64_t>();
    if (targets.has("difficult")) counts.difficult += targets.tensor("difficult").sum().item<std::int64_t>();
    if (twice) counts.twice.push_back(id);
    std::set<std::int64_t> seen;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto label = labels.data_ptr<std::int64_t>()[i];
      ++counts.boxes.at(static_cast<std::size_t>(label));
      seen.insert(label);
      add_box(counts, boxes.data_ptr<float>() + i * 4, areas.data_ptr<double>()[i]);
    }
    for (const auto label : seen) ++counts.images.at(static_cast<std::size_t>(label));
  }

  std::map<Split, BoxCounts> take() {
    for (auto& item : counts_) {
      BoxCounts& counts = item.second;
      std::sort(counts.ratios.begin(), counts.ratios.end());
      std::sort(counts.sides.begin(), counts.sides.end());
      std::sort(counts.per_image.begin(), counts.per_image.end());
      std::sort(counts.twice.begin(), counts.twice.end());
    }
    return std::move(counts_);
  }

 private:
  static bool drawn_twice(const torch::Tensor& boxes, const torch::Tensor& labels) {
    constexpr std::int64_t kMost = 300;  // of an image: it is a square of them
    const std::int64_t count = std::min(boxes.size(0), kMost);
    const auto* box = boxes.data_ptr<float>();
    const auto* label = labels.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t k = i + 1; k < count; ++k) {
        if (label[i] == label[k] && overlap(box + i * 4, box + k * 4) >= kSame) return true;
      }
    }
    return false;
  }

  static void add_box(BoxCounts& counts, const float* box, double area) {
    const float width = box[2] - box[0], height = box[3] - box[1];
    counts.ratios.push_back(width / height);
    counts.sides.push_back(std::sqrt(width * height));
    (area < kSmall ? counts.small : area <= kMedium ? counts.medium : counts.large) += 1;
  }

  std::size_t classes_;
  std::mutex guard_;
  std::map<Split, BoxCounts> counts_;
};

/// The value that `share` of a sorted list lie below.
template <class Number>
double part_of(const std::vector<Number>& sorted, double share) {
  if (sorted.empty()) return 0;
  return static_cast<double>(sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))]);
}

template <class Number>
Json range_json(const std::vector<Number>& sorted) {
  if (sorted.empty()) return nullptr;
  return {{"min", sorted.front()},
          {"p5", part_of(sorted, 0.05)},
          {"median", part_of(sorted, 0.5)},
          {"p95", part_of(sorted, 0.95)},
          {"max", sorted.back()}};
}

template <class Number>
std::string range_text(const std::vector<Number>& sorted, int digits) {
  if (sorted.empty()) return "-";
  return report::fixed(static_cast<double>(sorted.front()), digits) + " / " +
         report::fixed(part_of(sorted, 0.5), digits) + " / " +
         report::fixed(static_cast<double>(sorted.back()), digits);
}

std::string quoted_names(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostShownNames); ++i)
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  return names.size() <= kMostShownNames ? text
                                         : text + " and " + std::to_string(names.size() - kMostShownNames) + " more";
}

}  // namespace

std::int64_t BoxCounts::all_boxes() const { return std::accumulate(boxes.begin(), boxes.end(), std::int64_t{0}); }

std::map<Split, BoxCounts> count_boxes(const DataSubject& subject) {
  BoxCensus census(subject.dataset->info().classes.size());
  for (const auto& view : splits_of(*subject.dataset)) {
    census.begin(view.split);
    parallel_for(view.source->size(), subject.threads, [&](std::int64_t i) {
      census.add(view.split, view.source->facts(i).id, targets_at(*view.source, i));
    });
  }
  return census.take();
}

report::Table box_table(const std::vector<std::string>& classes, const std::map<Split, BoxCounts>& counts) {
  std::vector<report::Column> columns = {{"class", report::Align::Left}};
  for (const auto& item : counts) {
    columns.push_back({std::string(split_name(item.first)) + " boxes", report::Align::Right});
    columns.push_back({"share", report::Align::Right});
    columns.push_back({"images", report::Align::Right});
  }
  report::Table table(columns);
  for (std::size_t c = 0; c <= classes.size(); ++c) {
    const bool last = c == classes.size();
    std::vector<std::string> cells = {last ? "all" : classes[c]};
    for (const auto& item : counts) {
      const BoxCounts& of = item.second;
      const std::int64_t all = of.all_boxes(), boxes = last ? all : of.boxes[c];
      cells.push_back(report::grouped(boxes));
      cells.push_back(all == 0 ? "-" : report::percent(static_cast<double>(boxes) / static_cast<double>(all), 1));
      cells.push_back(report::grouped(last ? of.all_images : of.images[c]));
    }
    table.add(std::move(cells));
  }
  return table;
}

report::Table box_size_table(const std::map<Split, BoxCounts>& counts) {
  report::Table table({{"boxes", report::Align::Left},
                       {"small", report::Align::Right},
                       {"medium", report::Align::Right},
                       {"large", report::Align::Right},
                       {"side (least / median / most)", report::Align::Right},
                       {"width / height", report::Align::Right},
                       {"in an image", report::Align::Right},
                       {"images without", report::Align::Right}});
  for (const auto& [split, of] : counts) {
    table.add({split_name(split), report::grouped(of.small), report::grouped(of.medium), report::grouped(of.large),
               range_text(of.sides, 0), range_text(of.ratios, 2), range_text(of.per_image, 0),
               report::grouped(of.empty_images)});
  }
  return table;
}

Json box_json(const std::vector<std::string>& classes, const std::map<Split, BoxCounts>& counts) {
  Json json = Json::object();
  for (const auto& [split, of] : counts) {
    json[split_name(split)] = {{"images", of.all_images},
                               {"images_without", of.empty_images},
                               {"boxes", of.all_boxes()},
                               {"crowds", of.crowds},
                               {"difficult", of.difficult},
                               {"small", of.small},
                               {"medium", of.medium},
                               {"large", of.large},
                               {"side", range_json(of.sides)},
                               {"aspect_ratio", range_json(of.ratios)},
                               {"per_image", range_json(of.per_image)},
                               {"drawn_twice", of.twice}};
  }
  json["warnings"] = box_warnings(classes, counts);
  return json;
}

std::vector<std::string> box_warnings(const std::vector<std::string>& classes,
                                      const std::map<Split, BoxCounts>& counts) {
  std::vector<std::string> list;
  for (const auto& [split, of] : counts) {
    const std::string name = split_name(split);
    std::vector<std::string> absent;
    for (std::size_t c = 0; c < classes.size(); ++c) {
      if (of.boxes[c] == 0) absent.push_back(classes[c]);
    }
    if (of.all_boxes() == 0) {
      list.push_back("no image of " + name + " has a box");
    } else if (!absent.empty()) {
      list.push_back("no box of " + name + " is of " + (absent.size() == 1 ? "the class " : "the classes ") +
                     quoted_names(absent));
    }
    if (of.twice.empty()) continue;
    const auto count = static_cast<std::int64_t>(of.twice.size());
    list.push_back(report::grouped(count) + (count == 1 ? " image of " : " images of ") + name +
                   (count == 1 ? " has a thing that is drawn twice: " : " have things that are drawn twice, as ") +
                   of.twice.front());
  }
  return list;
}

}  // namespace mlrun::data
