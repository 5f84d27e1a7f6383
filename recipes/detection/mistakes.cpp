#include "recipes/detection/mistakes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes/draw_things.h"
#include "data/image/overlay.h"
#include "data/image/thumbnail.h"
#include "metrics/coco/errors.h"
#include "report/format.h"

namespace mlrun::detection {
namespace {

using metrics::CocoError;
using metrics::CocoMistake;

constexpr std::size_t kEach = 6;            // of a kind
constexpr double kAround = 0.6;             // of the longer side of what is shown, on each side of it
constexpr std::int64_t kCloseUp = 260;      // pixels of the longer side of one picture
constexpr std::int64_t kFewestPixels = 48;  // of the image that a picture shows

/// A part of an image.
struct Part {
  std::int64_t left = 0, top = 0, right = 0, bottom = 0;
};

std::array<double, 4> sides_in(const torch::Tensor& boxes, std::ptrdiff_t row) {
  const torch::Tensor box = boxes[row].to(torch::kDouble).contiguous();
  const double* sides = box.data_ptr<double>();
  return {sides[0], sides[1], sides[2], sides[3]};
}

/// The boxes of a mistake with what is around them, inside an image.
Part part_around(const JudgedImage& image, const CocoMistake& mistake, std::int64_t height, std::int64_t width) {
  std::array<double, 4> all = mistake.detection >= 0 ? sides_in(image.found.boxes, mistake.detection)
                                                     : sides_in(image.truth.boxes, mistake.truth);
  if (mistake.detection >= 0 && mistake.truth >= 0) {
    const auto other = sides_in(image.truth.boxes, mistake.truth);
    all = {std::min(all[0], other[0]), std::min(all[1], other[1]), std::max(all[2], other[2]),
           std::max(all[3], other[3])};
  }
  const double side = std::max({all[2] - all[0], all[3] - all[1], 1.0});
  const double half = std::max(side * (0.5 + kAround), static_cast<double>(kFewestPixels) / 2);
  const auto range = [&](double first, double last, std::int64_t size) {
    const double middle = std::clamp((first + last) / 2, 0.0, static_cast<double>(size));
    const auto begin = static_cast<std::int64_t>(std::max(0.0, std::floor(middle - half)));
    const auto end = static_cast<std::int64_t>(std::min(static_cast<double>(size), std::ceil(middle + half)));
    return std::pair(std::min(begin, size - 1), std::max(end, std::min(begin, size - 1) + 1));
  };
  const auto [left, right] = range(all[0], all[2], width);
  const auto [top, bottom] = range(all[1], all[3], height);
  return {left, top, right, bottom};
}

/// The boxes that reach into a part, in its pixels `scale` times as large.
data::DrawnThings things_in(const Found& found, const Part& part, double scale, bool scored) {
  const torch::Tensor& boxes = found.boxes;
  const torch::Tensor inside = boxes.select(1, 0)
                                   .lt(part.right)
                                   .logical_and(boxes.select(1, 1).lt(part.bottom))
                                   .logical_and(boxes.select(1, 2).gt(part.left))
                                   .logical_and(boxes.select(1, 3).gt(part.top));
  const Found some = found.rows(inside);
  data::DrawnThings things;
  things.boxes = (some.boxes - torch::tensor({part.left, part.top, part.left, part.top})) * scale;
  things.labels = some.labels;
  if (scored) things.scores = some.scores;
  return things;
}

/// What is there and what was found, beside each other.
torch::Tensor close_up(const data::DataInfo& info, const torch::Tensor& picture, const JudgedImage& image,
                       const CocoMistake& mistake) {
  const Part part = part_around(image, mistake, picture.size(0), picture.size(1));
  const torch::Tensor cut =
      picture.slice(0, part.top, part.bottom).slice(1, part.left, part.right).permute({2, 0, 1}).unsqueeze(0);
  const double scale = static_cast<double>(kCloseUp) / static_cast<double>(std::max(cut.size(2), cut.size(3)));
  const auto scaled = [scale](std::int64_t side) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) * scale));
  };
  const torch::Tensor large = at::upsample_bilinear2d(cut.to(torch::kFloat), {scaled(cut.size(2)), scaled(cut.size(3))},
                                                      /*align_corners=*/false)
                                  .round()
                                  .clamp(0, 255)
                                  .to(torch::kByte)[0]
                                  .permute({1, 2, 0})
                                  .contiguous();
  const data::DrawingStyle style = data::drawing_style(info);
  return data::beside({data::draw_things(large, things_in(image.truth.rows(image.single), part, scale, false), style),
                       data::draw_things(large, things_in(image.found, part, scale, true), style)});
}

std::string told(const data::DataInfo& info, const JudgedImage& image, const CocoMistake& mistake) {
  const auto name = [&](const Found& all, std::ptrdiff_t row) {
    return info.classes.at(static_cast<std::size_t>(all.labels[row].item<std::int64_t>()));
  };
  if (mistake.kind == CocoError::Missed) return name(image.truth, mistake.truth);
  const std::string score = report::fixed(image.found.scores[mistake.detection].item<double>(), 2);
  const std::string found = name(image.found, mistake.detection);
  const std::string overlap = ", IoU " + report::fixed(mistake.overlap, 2);
  switch (mistake.kind) {
    case CocoError::Class: return name(image.truth, mistake.truth) + ", taken for " + found + " (" + score + ")";
    case CocoError::Place: return found + " (" + score + ")" + overlap;
    case CocoError::Both:
      return name(image.truth, mistake.truth) + ", taken for " + found + " (" + score + ")" + overlap;
    default: return found + " (" + score + ")";
  }
}

/// How bad it is: the score, or of what was missed its size.
double badness(const JudgedImage& image, const CocoMistake& mistake) {
  if (mistake.detection >= 0) return image.found.scores[mistake.detection].item<double>();
  const auto sides = sides_in(image.truth.boxes, mistake.truth);
  return (sides[2] - sides[0]) * (sides[3] - sides[1]);
}

std::size_t place_of(CocoError kind) {
  const auto* place = std::find(std::begin(metrics::kCocoErrors), std::end(metrics::kCocoErrors), kind);
  return static_cast<std::size_t>(place - std::begin(metrics::kCocoErrors));
}

}  // namespace

MistakeGallery::MistakeGallery() : worst_(std::size(metrics::kCocoErrors), metrics::Worst<Kept>(kEach)) {}

void MistakeGallery::see(const std::shared_ptr<const JudgedImage>& image) {
  for (const CocoMistake& mistake : image->judgement.mistakes) {
    worst_[place_of(mistake.kind)].add(badness(*image, mistake), {image, mistake});
  }
}

std::vector<report::Exhibit> MistakeGallery::pictures(const engine::Task& task, const data::Source& source) const {
  std::vector<report::Exhibit> exhibits;
  for (const CocoError kind : metrics::kCocoErrors) {
    report::Thumbnails thumbnails;
    for (const Kept& kept : worst_[place_of(kind)].list()) {
      const auto picture = task.picture(source.get({kept.image->index, 0, 0}), false);
      if (!picture || picture->size(2) == 2 || picture->size(2) > 3) continue;
      thumbnails.push_back(
          {data::thumbnail_uri(close_up(task.data(), *picture, *kept.image, kept.mistake), 2 * kCloseUp),
           {told(task.data(), *kept.image, kept.mistake), kept.image->id},
           true});
    }
    std::string title = metrics::name_of(kind);
    title.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(title.front())));
    if (!thumbnails.empty()) exhibits.push_back({"mistakes", title, thumbnails});
  }
  return exhibits;
}

}  // namespace mlrun::detection
