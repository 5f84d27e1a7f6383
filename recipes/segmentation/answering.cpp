#include "recipes/segmentation/answering.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/image/window_begins.h"

namespace mlrun::segmentation {
namespace {

torch::Tensor in_windows(const AnswerSettings& settings, const RunModel& run, const torch::Tensor& images) {
  if (!settings.window) return run(images);
  const std::int64_t stride = settings.stride.value_or(std::max<std::int64_t>(1, *settings.window * 2 / 3));
  const std::int64_t height = images.size(2), width = images.size(3);
  const std::int64_t rows = std::min(height, *settings.window), columns = std::min(width, *settings.window);
  torch::Tensor sum;
  const torch::Tensor count = torch::zeros({1, 1, height, width}, images.options());
  for (const std::int64_t top : data::window_begins(height, rows, stride)) {
    for (const std::int64_t left : data::window_begins(width, columns, stride)) {
      const auto part = [&](const torch::Tensor& whole) { return whole.narrow(2, top, rows).narrow(3, left, columns); };
      const torch::Tensor logits = run(part(images).contiguous(images.suggest_memory_format()));
      if (!sum.defined()) sum = torch::zeros({images.size(0), logits.size(1), height, width}, logits.options());
      part(sum) += logits;
      part(count) += 1;
    }
  }
  return sum / count;
}

torch::Tensor together(const std::vector<torch::Tensor>& views) {
  if (views.size() == 1) return views.front();
  torch::Tensor sum = views.front().log_softmax(1);
  for (std::size_t i = 1; i < views.size(); ++i) sum = torch::logaddexp(sum, views[i].log_softmax(1));
  return sum - std::log(static_cast<double>(views.size()));
}

class KeepWhole : public data::Source {
 public:
  explicit KeepWhole(std::shared_ptr<const data::Source> raw) : raw_(std::move(raw)) {}
  std::int64_t size() const override { return raw_->size(); }
  data::SampleFacts facts(std::int64_t index) const override { return raw_->facts(index); }
  data::Sample get(const data::SampleKey& key) const override { return kept(raw_->get(key)); }
  data::EncodedSample encoded(const data::SampleKey& key) const override {
    data::EncodedSample found = raw_->encoded(key);
    found.sample = kept(std::move(found.sample));
    return found;
  }

 private:
  static data::Sample kept(data::Sample sample) {
    if (sample.targets.has("mask")) sample.targets.set("whole", sample.targets.tensor("mask").clone());
    return sample;
  }

  std::shared_ptr<const data::Source> raw_;
};

class UseWhole : public data::Source {
 public:
  explicit UseWhole(std::shared_ptr<const data::Source> prepared) : prepared_(std::move(prepared)) {}
  std::int64_t size() const override { return prepared_->size(); }
  data::SampleFacts facts(std::int64_t index) const override { return prepared_->facts(index); }
  data::Sample get(const data::SampleKey& key) const override { return whole(prepared_->get(key)); }
  data::Sample get_into(const data::SampleKey& key, data::BatchMemory& memory) const override {
    return whole(prepared_->get_into(key, memory));
  }

 private:
  static data::Sample whole(data::Sample sample) {
    if (!sample.targets.has("whole")) return sample;
    const torch::Tensor mask = sample.targets.tensor("whole");
    data::Fields targets;
    for (const auto& [name, value] : sample.targets) {
      if (name != "whole") targets.set(name, name == "mask" ? data::Value(mask) : value);
    }
    sample.targets = std::move(targets);
    sample.inputs.set("size", torch::tensor({mask.size(0), mask.size(1)}, torch::kLong));
    return sample;
  }

  std::shared_ptr<const data::Source> prepared_;
};

}  // namespace

void AnswerSettings::declare(config::Declare<AnswerSettings>& d) {
  d("size", &AnswerSettings::size,
    "what is evaluated: model: masks as data.preprocess leaves them; original: masks as they are, and logits resized "
    "to "
    "them")
      .choices({"model", "original"});
  d("window", &AnswerSettings::window, "the model sees squares of this side, one after another; null: the whole image")
      .min(1)
      .unit("pixels");
  d("stride", &AnswerSettings::stride,
    "how far windows are apart; where they overlap, their logits are averaged; null: two thirds of the window")
      .min(1)
      .unit("pixels");
  d("flip", &AnswerSettings::flip, "also ask of the mirrored image, and take the mean of both probabilities");
  d("overlays", &AnswerSettings::overlays, "`predict` also writes each image under the colours of its mask");
  d.rule("stride", [](const AnswerSettings& s) -> std::string {
    if (!s.stride) return "";
    if (!s.window) return "is how far windows are apart, and window is null";
    return *s.stride > *s.window ? "is larger than window, so that pixels would be left out" : "";
  });
}

Views::Views(const AnswerSettings& settings, const RunModel& run, const torch::Tensor& images) {
  views_.push_back(in_windows(settings, run, images));
  if (!settings.flip) return;
  const torch::Tensor mirrored = images.flip(3).contiguous(images.suggest_memory_format());
  views_.push_back(in_windows(settings, run, mirrored).flip(3));
}

torch::Tensor Views::all() const { return together(views_); }

torch::Tensor Views::of(std::int64_t i, const Size& size) const {
  std::vector<torch::Tensor> resized;
  for (const auto& view : views_) {
    resized.push_back(
        at::upsample_bilinear2d(view.narrow(0, i, 1), {size.height, size.width}, /*align_corners=*/false));
  }
  return together(resized)[0];
}

std::shared_ptr<const data::Source> keep_whole_masks(std::shared_ptr<const data::Source> raw) {
  return raw ? std::make_shared<KeepWhole>(std::move(raw)) : nullptr;
}

std::shared_ptr<const data::Source> use_whole_masks(std::shared_ptr<const data::Source> prepared) {
  return prepared ? std::make_shared<UseWhole>(std::move(prepared)) : nullptr;
}

}  // namespace mlrun::segmentation
