#include "models/detection/keypoints.h"

#include <cmath>

#include "models/detection/dense_head.h"
#include "nn/conv_transpose.h"
#include "nn/init.h"

namespace mlrun::models {
namespace {

constexpr std::int64_t kKeypointConvolutions = 8, kKeypointChannels = 512;

class KeypointHead : public nn::Sequential {
 public:
  explicit KeypointHead(std::int64_t channels) : Sequential("KeypointRCNNHeads") {
    for (std::int64_t i = 0; i < kKeypointConvolutions; ++i) {
      push(predictor(i == 0 ? channels : kKeypointChannels, kKeypointChannels));
      push(std::make_shared<nn::Activation>(nn::Act::Relu));
    }
  }
  void reset() override {
    Sequential::reset();
    nn::init::redraw(*this);
  }
};

/// Twice as high and wide, bilinear.
class DoubleSize : public nn::UnaryLayer {
 public:
  DoubleSize() : UnaryLayer("Interpolate") {}
  torch::Tensor forward(const torch::Tensor& input) override {
    const std::int64_t height = input.size(2) * 2, width = input.size(3) * 2;
    if (input.is_meta()) return torch::empty({input.size(0), input.size(1), height, width}, input.options());
    return at::upsample_bilinear2d(input, {height, width}, /*align_corners=*/false, 2.0, 2.0);
  }
};

class KeypointPredictor : public nn::UnaryLayer {
 public:
  explicit KeypointPredictor(std::int64_t keypoints) : UnaryLayer("KeypointRCNNPredictor") {
    grow_ = add("kps_score_lowres",
                std::make_shared<nn::ConvTranspose2d>(nn::ConvTransposeOptions{
                    .in = kKeypointChannels, .out = keypoints, .kernel = 4, .stride = 2, .padding = 1}));
    double_ = add("interpolate", std::make_shared<DoubleSize>());
  }
  torch::Tensor forward(const torch::Tensor& features) override { return call(*double_, call(*grow_, features)); }
  void reset() override {
    grow_->reset();
    const torch::NoGradGuard no_grad;
    nn::init::kaiming_normal_fan_out(grow_->weight);
    grow_->bias.zero_();
  }

 private:
  std::shared_ptr<nn::ConvTranspose2d> grow_;
  std::shared_ptr<DoubleSize> double_;
};

/// Of points in regions [K, 4]: which of side * side cells each is in, and whether it is seen there.
struct Cells {
  torch::Tensor cell, seen;
};

Cells cells_of(const torch::Tensor& points, const torch::Tensor& regions, std::int64_t side) {
  const auto place = [&](std::int64_t axis) {
    const torch::Tensor at = points.select(2, axis), from = regions.select(1, axis).unsqueeze(1),
                        to = regions.select(1, axis + 2).unsqueeze(1);
    const torch::Tensor cell = at::floor((at - from) * ((to - from).reciprocal() * side)).to(torch::kLong);
    return cell.masked_fill(at.eq(to), side - 1);
  };
  const torch::Tensor x = place(0), y = place(1);
  const auto within = [side](const torch::Tensor& cell) { return cell.ge(0).logical_and(cell.lt(side)); };
  const torch::Tensor seen = within(x).logical_and(within(y)).logical_and(points.select(2, 2).gt(0));
  return {(y * side + x) * seen.to(torch::kLong), seen};
}

}  // namespace

std::shared_ptr<nn::Layer> keypoint_head(std::int64_t channels) { return std::make_shared<KeypointHead>(channels); }

std::shared_ptr<nn::Layer> keypoint_predictor(std::int64_t keypoints) {
  return std::make_shared<KeypointPredictor>(keypoints);
}

torch::Tensor keypoint_loss(const torch::Tensor& logits, const std::vector<RegionSamples>& objects,
                            const std::vector<torch::Tensor>& keypoints) {
  const std::int64_t side = logits.size(3);
  nn::Tensors cells, seen;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const Cells own = cells_of(keypoints[i].index_select(0, objects[i].matched), objects[i].boxes, side);
    cells.push_back(own.cell.flatten());
    seen.push_back(own.seen.flatten());
  }
  const torch::Tensor rows = at::where(at::cat(seen)).front();
  if (rows.numel() == 0) return logits.sum() * 0;
  const torch::Tensor of_points = logits.reshape({-1, side * side}).index_select(0, rows);
  return at::cross_entropy_loss(of_points, at::cat(cells).index_select(0, rows));
}

KeypointPlaces keypoint_places(const torch::Tensor& logits, const torch::Tensor& boxes) {
  const std::int64_t count = boxes.size(0), points = logits.size(1);
  KeypointPlaces places{torch::ones({count, points, 3}, logits.options().dtype(torch::kFloat)),
                        torch::zeros({count, points}, logits.options().dtype(torch::kFloat))};
  const torch::Tensor sides = (boxes.slice(1, 2) - boxes.slice(1, 0, 2)).clamp_min(1);
  const torch::Tensor whole = sides.ceil().to(torch::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto width = whole[i][0].item<std::int64_t>(), height = whole[i][1].item<std::int64_t>();
    const torch::Tensor map = at::upsample_bicubic2d(logits[i].unsqueeze(1), {height, width}, /*align_corners=*/false);
    const torch::Tensor flat = map.reshape({points, -1}), place = flat.argmax(1);
    const torch::Tensor x = place.remainder(width), y = at::div(place - x, width, "floor");
    const auto in_image = [&](const torch::Tensor& cell, std::int64_t axis, std::int64_t cells) {
      return (cell.to(torch::kFloat) + 0.5) * (sides[i][axis] / cells) + boxes[i][axis];
    };
    places.points[i].select(1, 0).copy_(in_image(x, 0, width));
    places.points[i].select(1, 1).copy_(in_image(y, 1, height));
    places.scores[i].copy_(flat.gather(1, place.unsqueeze(1)).squeeze(1));
  }
  return places;
}

}  // namespace mlrun::models
