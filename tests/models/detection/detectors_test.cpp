// Parity of detectors with torchvision (scripts/fixtures/detectors.py).
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/files.h"
#include "base/torch_compat.h"
#include "data/image/decode.h"
#include "models/alike_rows.h"
#include "models/detection/detector.h"
#include "models/detection/paste.h"
#include "models/detection/transform.h"
#include "models/parity.h"
#include "nn/norm.h"
#include "nn/versions.h"
#include "support.h"

using namespace mlrun;

namespace {

struct Object {
  int64_t label;
  std::vector<double> box;  ///< in 1/16 of width and height
};

/// Of each image of a case, in order.
const std::vector<std::vector<Object>>& objects() {
  static const std::vector<std::vector<Object>> all = {
      {{1, {2, 1, 9, 12}}, {3, {3, 3, 15, 15}}, {2, {10, 2, 13, 6}}}, {{4, {0, 0, 16, 16}}, {1, {7, 7, 9, 9}}}, {}};
  return all;
}

std::shared_ptr<models::Detector> make_detector(const Json& expected) {
  const auto model = std::dynamic_pointer_cast<models::Detector>(
      test::make_model(expected.at("model"), expected.at("options"), {5, 3}));
  REQUIRE(model);
  for (const auto& [key, value] : expected.at("settings").items()) {
    REQUIRE(key == "detections_per_img");
    model->settings().detections = value.get<int64_t>();
  }
  return model;
}

/// What the case's images are to the model, in float64: the first two inputs.
nn::Tensors prepared(const models::Detector& model, const Json& expected) {
  const auto channel = [](const std::vector<double>& values) {
    return torch::tensor(values, torch::kDouble).view({3, 1, 1});
  };
  std::vector<torch::Tensor> images;
  for (const Json& size : expected.at("images")) {
    const auto index = static_cast<double>(images.size());
    const auto pixels = test::formula({3, size[0].get<int64_t>(), size[1].get<int64_t>()});
    const auto image = (pixels + 0.5 + 0.3 * index).remainder(1);
    images.push_back((image - channel(model.input().mean)) / channel(model.input().std));
  }
  const std::vector<int64_t> sizes(images.size(), model.input().min_sizes.back());
  const models::DetectorBatch batch = models::prepare(images, model.input(), sizes);
  return {batch.image, batch.sizes};
}

/// Of pixels by their middles: those of the ellipse in each box, uint8 [n, height, width].
torch::Tensor ellipses(const torch::Tensor& boxes, int64_t height, int64_t width) {
  const auto distance = [&](int64_t axis, const torch::Tensor& middle) {
    const auto from = boxes.select(1, axis).view({-1, 1, 1}), to = boxes.select(1, axis + 2).view({-1, 1, 1});
    return ((2 * middle - from - to) / (to - from)).square();
  };
  const auto y = (torch::arange(height, torch::kDouble) + 0.5).view({1, -1, 1});
  const auto x = (torch::arange(width, torch::kDouble) + 0.5).view({1, 1, -1});
  return (distance(0, x) + distance(1, y)).le(1).to(torch::kByte);
}

/// 17 in each box, of which every third is hidden.
torch::Tensor points(const torch::Tensor& boxes) {
  const auto k = torch::arange(17, torch::kDouble).unsqueeze(0);
  const auto place = [&](int64_t axis, const torch::Tensor& share) {
    const auto from = boxes.slice(1, axis, axis + 1), to = boxes.slice(1, axis + 2, axis + 3);
    return from + share * (to - from);
  };
  const auto x = place(0, (k + 0.5) / 17), y = place(1, ((k * 5).remainder(17) + 0.5) / 17);
  return torch::stack({x, y, k.remainder(3).ne(0).to(torch::kDouble).expand_as(x)}, 2).to(torch::kFloat);
}

/// What the model wants beside boxes and labels: masks in the batch's padding, or points.
torch::Tensor more_truths(const std::string& port, const nn::Tensors& inputs, const std::vector<torch::Tensor>& boxes,
                          const Json& expected) {
  std::vector<torch::Tensor> rows;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (port == "keypoints") {
      rows.push_back(points(boxes[i]));
      continue;
    }
    const auto height = expected.at("images")[i][0].get<int64_t>(), width = expected.at("images")[i][1].get<int64_t>();
    rows.push_back(at::constant_pad_nd(ellipses(boxes[i], height, width),
                                       {0, inputs[0].size(3) - width, 0, inputs[0].size(2) - height}));
  }
  return torch::cat(rows);
}

/// Boxes and labels of the case's images, after the first two inputs, and what else the model wants.
nn::Tensors with_truths(const models::Detector& model, nn::Tensors inputs, const Json& expected) {
  std::vector<torch::Tensor> boxes;
  std::vector<int64_t> labels, counts;
  for (const Json& size : expected.at("images")) {
    const auto height = size[0].get<double>(), width = size[1].get<double>();
    const auto scale = torch::tensor({width, height, width, height}, torch::kDouble) / 16;
    const auto& own = objects().at(counts.size());
    boxes.push_back(torch::empty({0, 4}, torch::kDouble));
    for (const Object& object : own) {
      const auto box = (torch::tensor(object.box, torch::kDouble) * scale).unsqueeze(0);
      boxes.back() = torch::cat({boxes.back(), box});
      labels.push_back(object.label);
    }
    counts.push_back(static_cast<int64_t>(own.size()));
  }
  const auto rows = torch::tensor(counts, torch::kLong);
  inputs.insert(inputs.end(), {torch::cat(boxes), rows, torch::tensor(labels, torch::kLong), rows});
  const auto ports = model.interface().inputs;
  for (std::size_t i = 4; i < ports.size(); ++i) {
    inputs.insert(inputs.end(), {more_truths(ports[i].name, inputs, boxes, expected), rows});
  }
  return inputs;
}

/// Upstream draws one number for each image's size, however many sizes there are.
nn::Tensors training_pass(models::Detector& model, const Json& expected) {
  model.train();
  compat::manual_seed(2);
  for (std::size_t i = 0; i < expected.at("images").size(); ++i) torch::empty({1}).uniform_();
  return model.run(with_truths(model, prepared(model, expected), expected));
}

void check_losses(const models::Detector& model, const nn::Tensors& losses, const Json& step) {
  const auto ports = model.interface().outputs;
  REQUIRE(losses.size() == step.at("losses").size());
  REQUIRE(ports.size() == losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i) {
    INFO(ports[i].name);
    CHECK(ports[i].training_only);
    CHECK(losses[i].item<double>() == Approx(step.at("losses").at(ports[i].name).get<double>()).epsilon(1e-9));
  }
}

void check_detector_training(models::Detector& model, const Json& expected) {
  const Json& step = expected.at("training");
  const nn::Tensors losses = training_pass(model, expected);
  check_losses(model, losses, step);
  torch::stack(losses).sum().backward();
  const double tolerance = 1e-7 * step.at("largest_gradient").get<double>();
  std::size_t count = 0;
  for (const auto& item : model.named_parameters()) {
    if (!item.value().grad().defined()) continue;
    INFO(item.key());
    ++count;
    const Json& figures = step.at("gradients").at(item.key());
    const double spread = tolerance * std::sqrt(static_cast<double>(item.value().numel()));
    CHECK(std::abs(item.value().grad().norm().item<double>() - figures[0].get<double>()) <= spread);
    CHECK(std::abs(test::projection(item.value().grad()) - figures[1].get<double>()) <= spread);
  }
  CHECK(count == step.at("gradients").size());
}

/// While it lives, statistics of batch norms begin anew and are those of all batches.
class Statistics {
 public:
  explicit Statistics(nn::Layer& model) {
    for (nn::Layer* layer : model.all_layers()) {
      if (auto* norm = dynamic_cast<nn::BatchNorm*>(layer)) norms_.push_back(norm);
    }
    for (auto* norm : norms_) norm->begin_cumulative();
  }
  ~Statistics() {
    for (auto* norm : norms_) norm->end_cumulative();
  }
  Statistics(const Statistics&) = delete;
  Statistics& operator=(const Statistics&) = delete;
  bool needed() const { return !norms_.empty(); }

 private:
  std::vector<nn::BatchNorm*> norms_;
};

/// A training pass for its statistics alone.
void settle(models::Detector& model, const Json& expected) {
  const torch::NoGradGuard no_grad;
  const Statistics statistics(model);
  if (statistics.needed()) training_pass(model, expected);
}

/// Draws heads that find something.
void liven(models::Detector& model, const Json& expected) {
  const torch::NoGradGuard no_grad;
  model.eval();
  compat::manual_seed(3);
  const auto parameters = model.named_parameters();
  for (const Json& draw : expected.at("lively")) {
    const torch::Tensor& parameter = parameters[draw[0].get<std::string>()];
    parameter.copy_(
        torch::empty(parameter.sizes(), torch::kFloat).normal_(draw[1].get<double>(), draw[2].get<double>()));
  }
}

void check_found(const nn::Tensors& found, const Json& expected) {
  REQUIRE(found.size() >= 6);
  int64_t begin = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("image " << i);
    const auto count = found[1][static_cast<int64_t>(i)].item<int64_t>();
    const auto labels = expected[i].at("labels").get<std::vector<int64_t>>();
    REQUIRE(count == static_cast<int64_t>(labels.size()));
    const auto own = [&](std::size_t port) { return found[2 * port].slice(0, begin, begin + count); };
    CHECK(own(2).equal(torch::tensor(labels, torch::kLong)));
    const auto scores = torch::tensor(expected[i].at("scores").get<std::vector<double>>(), torch::kDouble);
    CHECK(torch::allclose(own(1).to(torch::kDouble), scores, 0, 1e-5));
    for (int64_t row = 0; row < count; ++row) {
      const auto box = expected[i].at("boxes")[static_cast<std::size_t>(row)].get<std::vector<double>>();
      CHECK(torch::allclose(own(0)[row].to(torch::kDouble), torch::tensor(box, torch::kDouble), 0, 1e-3));
    }
    begin += count;
  }
  CHECK(begin == found[0].size(0));
}

/// In float32, whose rounding differs from one kind of processor to another.
void check_found_alike(const nn::Tensors& found, const Json& expected) {
  REQUIRE(found.size() >= 6);
  const auto labels = torch::tensor(expected.at("labels").get<std::vector<int64_t>>(), torch::kLong);
  const auto scores = torch::tensor(expected.at("scores").get<std::vector<double>>(), torch::kDouble);
  const auto corners = expected.at("boxes").get<std::vector<std::vector<double>>>();
  torch::Tensor boxes = torch::empty({labels.size(0), 4}, torch::kDouble);
  for (std::size_t row = 0; row < corners.size(); ++row) {
    boxes[static_cast<int64_t>(row)] = torch::tensor(corners[row], torch::kDouble);
  }
  REQUIRE(found[1].item<int64_t>() == labels.size(0));
  const torch::Tensor rows = test::alike_rows(found[0], found[4], boxes, labels);
  CHECK(found[4].index_select(0, rows).equal(labels));
  CHECK(test::largest_difference(found[2].index_select(0, rows), scores) < 5e-4);
  CHECK(test::largest_difference(found[0].index_select(0, rows), boxes) < 0.1);
}

/// Masks pasted into the images and points, whose projections the fixture has.
void check_details(const models::Detector& model, const nn::Tensors& found, const Json& expected) {
  const auto ports = model.interface().outputs;
  REQUIRE(found.size() == 2 * ports.size());
  for (std::size_t port = 3; port < ports.size(); ++port) {
    INFO(ports[port].name);
    int64_t row = 0;
    for (std::size_t i = 0; i < expected.at("evaluation").size(); ++i) {
      const Json& size = expected.at("images")[i];
      for (const Json& figure : expected.at("evaluation")[i].at(ports[port].name)) {
        torch::Tensor own = found[2 * port].slice(0, row, row + 1);
        const auto box = found[0].slice(0, row, row + 1);
        if (ports[port].name == "masks") own = models::pasted_masks(own, box, size[0], size[1]);
        CHECK(std::abs(test::projection(own) - figure.get<double>()) < 2e-3);
        ++row;
      }
    }
    CHECK(row == found[2 * port].size(0));
  }
}

void check_found_in_photo(models::Detector& model, const std::filesystem::path& folder, const Json& expected) {
  const std::string name = expected.at("file");
  INFO(name);
  const auto pixels = data::decode_image(read_file(folder / name), name).permute({2, 0, 1}).to(torch::kFloat) / 255;
  const auto channel = [](const std::vector<double>& values) {
    return torch::tensor(values, torch::kFloat).view({3, 1, 1});
  };
  const auto image = (pixels - channel(model.input().mean)) / channel(model.input().std);
  const auto batch = models::prepare({image}, model.input(), {model.input().min_sizes.back()});
  nn::Tensors found = model.run({batch.image, batch.sizes});
  const auto* size = batch.sizes.data_ptr<int64_t>();
  found[0] = models::rescaled_boxes(found[0], {size[0], size[1]}, {image.size(1), image.size(2)});
  check_found_alike(found, expected);
}

void check_made(nn::Layer& model, const Json& expected) {
  nn::initialise(model, 0);
  const auto following = torch::rand({1}).item<double>();
  const test::State state = nn::state_dict(model);
  const std::string text = test::described(state);
  INFO(text);
  REQUIRE(state.size() == expected.at("entries").get<std::size_t>());
  CHECK(sha256(text.data(), text.size()) == expected.at("state").get<std::string>());
  CHECK(test::digest(state) == expected.at("initial").get<std::string>());
  CHECK(following == expected.at("following").get<double>());
  std::string lines;
  for (const auto& [path, version] : nn::module_versions(model)) lines += path + " " + std::to_string(version) + "\n";
  INFO(lines);
  CHECK(sha256(lines.data(), lines.size()) == expected.at("versions").get<std::string>());
}

std::vector<std::string> detector_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("models/detectors"))) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Whether what it finds has masks or keypoints: their heads are most of the work.
bool has_details(const Json& expected) {
  const std::string model = expected.at("model");
  return model.rfind("mask", 0) == 0 || model.rfind("keypoint", 0) == 0;
}

/// Of the cases with or without details.
void check_photos(bool details) {
  const auto folder = test::real_data("playing-cards-voc");
  if (!folder) return;
  for (const std::string& name : detector_cases()) {
    const Json expected = Json::parse(read_file(test::fixture("models/detectors/" + name + ".json")));
    if (!expected.contains("photos") || has_details(expected) != details) continue;
    DYNAMIC_SECTION(name) {
      const auto model = make_detector(expected);
      nn::initialise(*model, 0);
      test::widen(*model);
      settle(*model, expected);
      liven(*model, expected);
      const torch::NoGradGuard no_grad;
      for (auto& parameter : model->parameters()) parameter.set_data(parameter.to(torch::kFloat));
      for (auto& buffer : model->buffers()) {
        if (buffer.is_floating_point()) buffer.set_data(buffer.to(torch::kFloat));
      }
      for (const Json& photo : expected.at("photos")) check_found_in_photo(*model, *folder / "JPEGImages", photo);
    }
  }
}

}  // namespace

// One section a case: `mlrun_tests "detectors equal*" -c ssdlite320_mobilenet_v3_large` runs one.
TEST_CASE("detectors equal torchvision's: keys, initial bits, a training step, what they find", "[models][detection]") {
  for (const std::string& name : detector_cases()) {
    DYNAMIC_SECTION(name) {
      const Json expected = Json::parse(read_file(test::fixture("models/detectors/" + name + ".json")));
      const auto model = make_detector(expected);
      check_made(*model, expected);
      test::widen(*model);
      if (expected.contains("training")) {
        const Statistics statistics(*model);  // of the same pass
        check_detector_training(*model, expected);
      } else if (expected.contains("lively")) {
        settle(*model, expected);
      }
      if (!expected.contains("lively")) continue;
      liven(*model, expected);
      const torch::NoGradGuard no_grad;
      const nn::Tensors found = model->run(prepared(*model, expected));
      check_found(found, expected.at("evaluation"));
      check_details(*model, found, expected);
    }
  }
}

TEST_CASE("detectors find in photos what torchvision's do", "[models][detection]") { check_photos(false); }

TEST_CASE("detectors of masks and keypoints find in photos what torchvision's do", "[.][models][detection]") {
  check_photos(true);
}
