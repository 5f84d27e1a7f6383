#include "deploy/onnx/batches.h"

#include <algorithm>

#include <torch/types.h>

#include "base/error.h"
#include "weights/safetensors_header.h"

namespace mlrun::deploy {
namespace {

using torch::Tensor;

/// What the file's input wants of a batch of images.
struct Wishes {
  std::string file;
  std::int64_t batch = -1;
  std::vector<std::int64_t> image;  ///< sizes after the batch; empty: not known
  torch::ScalarType dtype = torch::kFloat;
};

Wishes wishes_of(const OnnxGraph& graph) {
  if (graph.inputs.size() != 1) {
    throw file_error(graph.file, "is no model that gives images a score for each class: it has " +
                                     std::to_string(graph.inputs.size()) + " inputs");
  }
  if (graph.outputs.empty())
    throw file_error(graph.file, "is no model that gives images a score for each class: it has no output");
  const OnnxValue& input = graph.inputs.front();
  Wishes wishes{graph.file, -1, {}, input.dtype.value_or(torch::kFloat)};
  if (!at::isFloatingType(wishes.dtype) && wishes.dtype != torch::kByte) {
    throw file_error(graph.file, "its input '" + weights::printable_name(input.name) + "' takes numbers of type " +
                                     onnx_dtype_name(wishes.dtype) + ", and images are floating numbers or bytes");
  }
  if (!input.shape) return wishes;
  if (input.shape->size() != 4) {
    throw file_error(graph.file, "is no model that gives images a score for each class: its input '" +
                                     weights::printable_name(input.name) + "' has " +
                                     std::to_string(input.shape->size()) + " dimensions");
  }
  wishes.batch = input.shape->front();
  wishes.image.assign(input.shape->begin() + 1, input.shape->end());
  return wishes;
}

bool fits(const std::vector<std::int64_t>& wanted, const std::vector<std::int64_t>& given) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] >= 0 && wanted[i] != given[i]) return false;
  }
  return true;
}

std::string image_text(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const auto size : sizes)
    text += (text.empty() ? "" : "x") + (size < 0 ? std::string("any") : std::to_string(size));
  return text;
}

/// The images as the file wants them.
Tensor arranged(const Wishes& wishes, const Tensor& images) {
  if ((wishes.dtype == torch::kByte) != (images.scalar_type() == torch::kByte)) {
    throw file_error(wishes.file,
                     wishes.dtype == torch::kByte
                         ? "takes uint8 images and preprocesses them itself, and is given preprocessed ones"
                         : "takes preprocessed images, and is given uint8 ones");
  }
  const Tensor values = images.to(torch::kCPU).to(wishes.dtype).contiguous();
  const std::vector<std::int64_t> sizes = images.sizes().slice(1).vec();
  if (wishes.image.empty() || fits(wishes.image, sizes)) return values;
  const std::vector<std::int64_t> last = {sizes[1], sizes[2], sizes[0]};  // channels last
  if (fits(wishes.image, last) && wishes.image.back() == sizes[0]) return values.permute({0, 2, 3, 1}).contiguous();
  throw file_error(wishes.file,
                   "takes images of " + image_text(wishes.image) + ", and is given " + image_text(sizes) +
                       " (channels, height, width)",
                   "bring them to that size in data.preprocess, or export the model for other sizes");
}

/// [n, classes], whatever dimensions of size 1 follow.
Tensor flat(const Wishes& wishes, const Tensor& output, std::int64_t count) {
  const bool one_each =
      output.dim() >= 2 && output.size(0) == count && output.numel() == output.size(0) * output.size(1);
  if (!one_each || !at::isFloatingType(output.scalar_type())) {
    throw file_error(wishes.file, "is no model that gives images a score for each class: for " + std::to_string(count) +
                                      " images its first output is " + image_text(output.sizes().vec()) + " of type " +
                                      onnx_dtype_name(output.scalar_type()));
  }
  return output.reshape({count, output.size(1)}).to(torch::kFloat);
}

/// A batch of the wanted size: the last image is repeated where there are too few.
Tensor filled(const Tensor& images, std::int64_t count) {
  const std::int64_t missing = count - images.size(0);
  if (missing <= 0) return images;
  return torch::cat({images, images.narrow(0, images.size(0) - 1, 1).expand({missing, -1, -1, -1})});
}

}  // namespace

std::string onnx_dtype_name(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat: return "float32";
    case torch::kDouble: return "float64";
    case torch::kHalf: return "float16";
    case torch::kBFloat16: return "bfloat16";
    case torch::kByte: return "uint8";
    case torch::kChar: return "int8";
    case torch::kShort: return "int16";
    case torch::kInt: return "int32";
    case torch::kLong: return "int64";
    default: return type == torch::kBool ? "bool" : c10::toString(type);
  }
}

void check_onnx_images(const OnnxGraph& graph) { wishes_of(graph); }

ImageScorer in_onnx_batches(const OnnxGraph& graph, ImageScorer run) {
  const Wishes wishes = wishes_of(graph);
  return [wishes, run = std::move(run)](const Tensor& images) {
    const Tensor values = arranged(wishes, images);
    const std::int64_t total = values.size(0),
                       batch = wishes.batch > 0 ? wishes.batch : std::max<std::int64_t>(total, 1);
    std::vector<Tensor> parts;
    for (std::int64_t begin = 0; begin < total; begin += batch) {
      const std::int64_t here = std::min(batch, total - begin);
      const Tensor part = filled(values.narrow(0, begin, here), wishes.batch);
      parts.push_back(flat(wishes, run(part), part.size(0)).narrow(0, 0, here));
    }
    return parts.size() == 1 ? parts.front() : torch::cat(parts);
  };
}

Runner in_fixed_batches(const nn::Interface& interface, std::int64_t batch, Runner run) {
  return [interface, batch, run = std::move(run)](const nn::Tensors& inputs) {
    const std::int64_t total = nn::sample_count(interface.inputs, inputs);
    const nn::Tensors last = nn::some_samples(interface.inputs, inputs, total - 1, 1);
    std::vector<nn::Tensors> parts;
    for (std::int64_t begin = 0; begin < total; begin += batch) {
      const std::int64_t here = std::min(batch, total - begin);
      std::vector<nn::Tensors> filled = {nn::some_samples(interface.inputs, inputs, begin, here)};
      filled.insert(filled.end(), static_cast<std::size_t>(batch - here), last);
      parts.push_back(nn::some_samples(interface.outputs, run(nn::joined_samples(interface.inputs, filled)), 0, here));
    }
    return nn::joined_samples(interface.outputs, parts);
  };
}

}  // namespace mlrun::deploy
