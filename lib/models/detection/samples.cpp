#include "models/detection/samples.h"

#include "base/error.h"
#include "nn/boxes/nms.h"

namespace mlrun::models {
namespace {

std::string told(const torch::Tensor& box) {
  std::string text;
  for (std::int64_t i = 0; i < 4; ++i) {
    std::string number = std::to_string(box[i].item<double>());
    number.erase(number.find_last_not_of('0') + 1);
    if (number.back() == '.') number.pop_back();
    text += (text.empty() ? "[" : ", ") + number;
  }
  return text + "]";
}

void refuse_degenerate(const torch::Tensor& boxes, std::size_t image) {
  const auto whole = (boxes.slice(1, 2) > boxes.slice(1, 0, 2)).all(1);  // false for NaN, too
  if (whole.all().item<bool>()) return;
  const auto first = torch::nonzero(whole.logical_not()).flatten()[0].item<std::int64_t>();
  throw UserError("box " + told(boxes[first]) + " of image " + std::to_string(image) +
                      " of a batch has no width or no height after the resize",
                  "leave such boxes out; `mlrun data verify` names those of the data");
}

}  // namespace

std::vector<ImageSize> image_sizes(const torch::Tensor& sizes) {
  const auto numbers = sizes.to(torch::kCPU, torch::kLong).contiguous();
  const auto* values = numbers.data_ptr<std::int64_t>();
  std::vector<ImageSize> result;
  for (std::int64_t i = 0; i < numbers.size(0); ++i) result.emplace_back(values[2 * i], values[2 * i + 1]);
  return result;
}

std::vector<torch::Tensor> sample_rows(const torch::Tensor& rows, const torch::Tensor& counts) {
  const auto numbers = counts.to(torch::kCPU, torch::kLong).contiguous();
  const auto* values = numbers.data_ptr<std::int64_t>();
  return rows.split_with_sizes({values, static_cast<std::size_t>(numbers.numel())});
}

std::vector<Truth> truths_of(const nn::Tensors& inputs) {
  MLRUN_ASSERT(inputs.size() >= 6, "a detector is trained with boxes and labels");
  const auto boxes = sample_rows(inputs[2], inputs[3]), labels = sample_rows(inputs[4], inputs[5]);
  std::vector<Truth> truths;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    refuse_degenerate(boxes[i], i);
    truths.push_back({boxes[i], labels.at(i)});
  }
  return truths;
}

Found best_found(const Found& all, const DetectionSettings& how) {
  const torch::Tensor kept = (how.agnostic ? nn::nms(all.boxes, all.scores, how.nms_threshold)
                                           : nn::batched_nms(all.boxes, all.scores, all.labels, how.nms_threshold))
                                 .slice(0, 0, how.detections);
  return {all.boxes.index_select(0, kept), all.scores.index_select(0, kept), all.labels.index_select(0, kept)};
}

nn::Tensors at_ports(const std::vector<Found>& found) {
  nn::Tensors boxes, scores, labels;
  std::vector<std::int64_t> counts;
  for (const Found& image : found) {
    boxes.push_back(image.boxes);
    scores.push_back(image.scores);
    labels.push_back(image.labels);
    counts.push_back(image.boxes.size(0));
  }
  const auto rows = torch::tensor(counts, torch::kLong).to(boxes.front().device());
  return {torch::cat(boxes), rows, torch::cat(scores), rows, torch::cat(labels), rows};
}

nn::Tensors blank_found(const torch::Tensor& images, std::int64_t most) {
  const std::int64_t count = images.size(0), rows = count * most;
  const auto whole = images.options().dtype(torch::kLong);
  const auto counts = torch::empty({count}, whole);
  return {torch::empty({rows, 4}, images.options()),
          counts,
          torch::empty({rows}, images.options()),
          counts,
          torch::empty({rows}, whole),
          counts};
}

}  // namespace mlrun::models
