#ifdef MLRUN_WITH_OPENCV

#include "data/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "data/batch_memory.h"
#include "data/boxes/draw_text.h"
#include "data/boxes/draw_things.h"
#include "data/colours.h"
#include "data/image/overlay.h"
#include "data/image/resize.h"

namespace mlrun::data {
namespace {

constexpr std::int64_t kLeastCell = 112;  // pixels: small images are enlarged by whole factors up to this
constexpr std::int64_t kMostCell = 256;
constexpr int kGap = 8;
constexpr int kLine = 14;
constexpr double kSheetShape = 1.4;  // width to height
constexpr double kLabelScale = 0.4;
constexpr double kIdScale = 0.32;

/// An image to be shown, uint8 [H, W, 3], with its two lines of text.
struct Picture {
  torch::Tensor image;
  std::string label, id;
};

/// As near to the cell's size as whole factors (enlarging) or a resize (shrinking) bring it.
torch::Tensor fit(const torch::Tensor& image) {
  const std::int64_t height = image.size(0), width = image.size(1), longer = std::max(height, width);
  if (longer > kMostCell) {
    const auto scaled = [&](std::int64_t side) { return std::max<std::int64_t>(1, side * kMostCell / longer); };
    return resize(view_of(image), scaled(height), scaled(width), Interpolation::Bilinear);
  }
  const std::int64_t factor = std::max<std::int64_t>(1, kLeastCell / longer);
  return image.repeat_interleave(factor, 0).repeat_interleave(factor, 1).contiguous();
}

torch::Tensor as_colour(const torch::Tensor& image) {
  if (image.size(2) == 3) return image;
  return image.slice(2, 0, 1).expand({image.size(0), image.size(1), 3}).contiguous();
}

int text_width(const std::string& text, double scale) {
  int baseline = 0;
  return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, scale, 1, &baseline).width;
}

/// The beginning of the text, or its end, that fits.
std::string shortened(std::string text, int width, double scale, bool keep_end) {
  const std::string dots = "..";
  if (text_width(text, scale) <= width) return text;
  while (!text.empty() && text_width(text + dots, scale) > width)
    keep_end ? text.erase(0, 1) : text.erase(text.size() - 1);
  return keep_end ? dots + text : text + dots;
}

void draw_text(cv::Mat& sheet, const std::string& text, int x, int y, double scale, int grey) {
  cv::putText(sheet, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, scale, cv::Scalar::all(grey), 1, cv::LINE_AA);
}

/// The sheet, in OpenCV's order of colours.
cv::Mat lay_out(const std::vector<Picture>& pictures, std::int64_t columns) {
  int width = static_cast<int>(kLeastCell), height = 1;
  for (const auto& picture : pictures) {
    width = std::max(width, static_cast<int>(picture.image.size(1)));
    height = std::max(height, static_cast<int>(picture.image.size(0)));
  }
  const int cell_height = height + 2 * kLine + kGap;
  const auto count = static_cast<std::int64_t>(pictures.size());
  if (columns == 0) {
    const double shape = kSheetShape * cell_height / (width + kGap);
    columns = std::lround(std::ceil(std::sqrt(static_cast<double>(count) * shape)));
  }
  columns = std::clamp<std::int64_t>(columns, 1, count);
  const auto rows = static_cast<int>((count + columns - 1) / columns);
  cv::Mat sheet(kGap + rows * cell_height, kGap + static_cast<int>(columns) * (width + kGap), CV_8UC3,
                cv::Scalar::all(255));
  for (std::int64_t i = 0; i < count; ++i) {
    const Picture& picture = pictures[static_cast<std::size_t>(i)];
    const int x = kGap + static_cast<int>(i % columns) * (width + kGap);
    const int y = kGap + static_cast<int>(i / columns) * cell_height;
    const cv::Mat image(static_cast<int>(picture.image.size(0)), static_cast<int>(picture.image.size(1)), CV_8UC3,
                        picture.image.data_ptr<std::uint8_t>());
    const cv::Rect place(x + (width - image.cols) / 2, y + (height - image.rows) / 2, image.cols, image.rows);
    cv::Mat target = sheet(place);
    cv::cvtColor(image, target, cv::COLOR_RGB2BGR);
    cv::rectangle(sheet, {place.x - 1, place.y - 1, place.width + 2, place.height + 2}, cv::Scalar::all(200));
    draw_text(sheet, shortened(picture.label, width, kLabelScale, false), x, y + height + kLine - 2, kLabelScale, 0);
    draw_text(sheet, shortened(picture.id, width, kIdScale, true), x, y + height + 2 * kLine - 3, kIdScale, 130);
  }
  return sheet;
}

/// Which colour stands for which class, of those that were shown.
class Legend {
 public:
  Legend(const std::vector<std::string>& classes, const std::string& palette) : classes_(classes), palette_(palette) {}

  /// The names of the classes in a mask, the largest first.
  std::string add(const torch::Tensor& mask) {
    const torch::Tensor counts = torch::bincount(mask.flatten().to(torch::kLong), {}, kIgnored + 1);
    std::vector<std::pair<std::int64_t, std::size_t>> found;
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      const auto pixels = counts[static_cast<std::int64_t>(i)].item<std::int64_t>();
      if (pixels == 0) continue;
      found.emplace_back(-pixels, i);
      seen_.insert(i);
    }
    std::sort(found.begin(), found.end());
    std::string names;
    for (const auto& item : found) names += (names.empty() ? "" : ", ") + classes_[item.second];
    return names.empty() ? "-" : names;
  }

  /// The sheet with the colours and names below it.
  cv::Mat below(const cv::Mat& sheet) const {
    if (seen_.empty()) return sheet;
    constexpr int kSquare = 10, kSpace = 16;
    std::vector<std::pair<cv::Point, std::size_t>> places;
    cv::Point next(kGap, sheet.rows + kGap);
    for (const auto label : seen_) {
      const int width = kSquare + kGap / 2 + text_width(drawable(classes_[label]), kLabelScale);
      if (next.x > kGap && next.x + width > sheet.cols - kGap) next = {kGap, next.y + kLine + kGap / 2};
      places.emplace_back(next, label);
      next.x += width + kSpace;
    }
    cv::Mat result(next.y + kLine + kGap, sheet.cols, CV_8UC3, cv::Scalar::all(255));
    sheet.copyTo(result(cv::Rect(0, 0, sheet.cols, sheet.rows)));
    for (const auto& [place, label] : places) {
      const auto part = [&, at = 3 * label](std::size_t c) { return static_cast<unsigned char>(palette_[at + c]); };
      const cv::Rect square(place.x, place.y, kSquare, kSquare);
      cv::rectangle(result, square, cv::Scalar(part(2), part(1), part(0)), cv::FILLED);
      cv::rectangle(result, square, cv::Scalar::all(130));
      draw_text(result, drawable(classes_[label]), place.x + kSquare + kGap / 2, place.y + kSquare, kLabelScale, 0);
    }
    return result;
  }

 private:
  const std::vector<std::string>& classes_;
  const std::string& palette_;
  std::set<std::size_t> seen_;
};

/// The image of a sample with the boxes that are left on it, drawn once it has the size of its place.
torch::Tensor with_boxes(const torch::Tensor& view, const Fields& targets, const DrawingStyle& style) {
  const torch::Tensor kept = has_area(targets.tensor("boxes")).nonzero().flatten();
  DrawnThings things{
      targets.tensor("boxes").index_select(0, kept), targets.tensor("labels").index_select(0, kept), {}, {}, {}};
  if (targets.has("keypoints")) things.keypoints = targets.tensor("keypoints").index_select(0, kept);
  torch::Tensor image = view;
  if (targets.has("masks")) {
    DrawingStyle plain = style;
    plain.names.clear();
    plain.skeleton.clear();
    DrawnThings masks = things;
    masks.keypoints = torch::Tensor();
    masks.masks = targets.tensor("masks").index_select(0, kept);
    image = draw_things(view, masks, plain);
  }
  const torch::Tensor placed = fit(image);
  const auto factor = [&](std::int64_t axis) {
    return static_cast<double>(placed.size(axis)) / static_cast<double>(view.size(axis));
  };
  DrawingStyle line = style;
  line.thickness = 1;
  return draw_things(placed, scaled_things(things, factor(1), factor(0)), line);
}

/// Names of the classes of things that are left, `king, ace`.
std::string things_text(const Fields& targets, const std::vector<std::string>& classes) {
  std::set<std::int64_t> seen;
  const torch::Tensor kept = has_area(targets.tensor("boxes")), labels = targets.tensor("labels");
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    if (kept[i].item<bool>()) seen.insert(labels[i].item<std::int64_t>());
  }
  std::string text;
  for (const auto label : seen) text += (text.empty() ? "" : ", ") + classes.at(static_cast<std::size_t>(label));
  return text.empty() ? "-" : text;
}

/// The samples to show, in the order of the split, and the ids of those passed over.
std::vector<SampleKey> draw_samples(const Source& source, const SheetOptions& options, Json& skipped) {
  const auto wanted = static_cast<std::size_t>(std::min(options.samples, source.size()));
  std::vector<SampleKey> keys;
  for (const auto index : permutation(source.size(), KeyedRandom(options.choice, "contact sheet"))) {
    if (keys.size() == wanted) break;
    const SampleKey key{index, options.epoch, options.seed};
    if (options.on_error == OnError::Skip) {
      const auto failed = read_samples(source, {key}, OnError::Skip).skipped;
      for (const auto& sample : failed) {
        log::warning("sample " + sample.id + " is skipped: " + sample.message);
        skipped.push_back(sample.id);
      }
      if (!failed.empty()) continue;
    }
    keys.push_back(key);
  }
  if (keys.empty()) throw UserError("no sample of the split can be read", "`mlrun data verify` names what is broken");
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  return keys;
}

}  // namespace

Json write_contact_sheet(const Source& source, const Pipeline& pipeline, const std::vector<std::string>& classes,
                         const SheetOptions& options, const std::filesystem::path& file) {
  if (source.size() == 0) throw UserError("the split has no samples");
  Json shown = Json::array(), skipped = Json::array();
  std::vector<Picture> pictures;
  Legend legend(classes, options.palette);
  for (const SampleKey& key : draw_samples(source, options, skipped)) {
    Sample sample = source.get(key);
    const bool masked = !options.palette.empty() && sample.targets.has("mask"), boxed = sample.targets.has("boxes");
    BatchMemory memory(1);
    if (masked || boxed) sample = pipeline.sample(source, key, memory);
    const torch::Tensor input =
        masked || boxed ? sample.inputs.tensor("image") : pipeline.apply(sample.inputs.tensor("image"), key);
    torch::Tensor view = as_colour(pipeline.viewable(input));
    std::string label = label_text(source.facts(key.index), classes);
    if (masked) {
      view = overlay(view, sample.targets.tensor("mask"), options.palette);
      label = legend.add(sample.targets.tensor("mask"));
    }
    if (boxed) {
      view = with_boxes(view, sample.targets, options.boxes);
      label = things_text(sample.targets, classes);
    }
    pictures.push_back({boxed ? view : fit(view), drawable(label), drawable(sample.id)});
    shown.push_back({{"id", sample.id},
                     {"index", key.index},
                     {"label", label},
                     {"height", input.size(1)},
                     {"width", input.size(2)}});
  }
  const cv::Mat sheet = legend.below(lay_out(pictures, options.columns));
  std::vector<unsigned char> encoded;
  MLRUN_ASSERT(cv::imencode(".png", sheet, encoded), "OpenCV wrote no PNG");
  write_file(file, {reinterpret_cast<const char*>(encoded.data()), encoded.size()});
  return {
      {"file", file.string()}, {"width", sheet.cols}, {"height", sheet.rows}, {"samples", shown}, {"skipped", skipped}};
}

}  // namespace mlrun::data

#endif
