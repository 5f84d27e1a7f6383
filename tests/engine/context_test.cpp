#include "engine/context.h"

#include <torch/types.h>

#include "base/threads.h"
#include "base/torch_compat.h"
#include "nn/layers.h"
#include "support.h"

using namespace mlrun;
using engine::make_context;
using test::user_error;

namespace {

config::TrainSection section(const std::string& device) {
  config::TrainSection train;
  train.device = device;
  return train;
}

}  // namespace

TEST_CASE("a context takes from the machine what the recipe leaves open", "[engine]") {
  const int before = at::get_num_threads();
  const auto open = make_context(section("cpu"));
  CHECK(open.device.is_cpu());
  CHECK(open.threads == available_processors());
  CHECK(open.workers == available_processors());
  CHECK(at::get_num_threads() == open.threads);
  config::TrainSection train = section("auto");
  train.threads = 1;
  train.workers = 0;
  const auto chosen = make_context(train);
  CHECK(chosen.threads == 1);
  CHECK(chosen.workers == 0);
  CHECK(at::get_num_threads() == 1);
  CHECK(chosen.device.is_cuda() == compat::cuda_available());
  at::set_num_threads(before);
}

TEST_CASE("a device that is unknown or not there is a user error", "[engine]") {
  for (const char* name : {"gpu", "cuda:", "cuda:x", "cuda:12345", "CPU", ""}) {
    INFO(name);
    CHECK(user_error([&] { make_context(section(name)); }).find("unknown device '") == 0);
  }
  const std::string absent = compat::cuda_available() ? "cuda:99" : "cuda";
  CHECK(user_error([&] { make_context(section(absent)); }).find("device '" + absent + "' is not there") == 0);
}

TEST_CASE("devices and memory as text and numbers", "[engine]") {
  CHECK(engine::device_text(torch::Device(torch::kCPU)) == "cpu");
  CHECK(engine::device_text(torch::Device(torch::kCUDA, 1)) == "cuda:1");
  CHECK(engine::peak_memory() > std::int64_t{10} << 20);
}

TEST_CASE("models and batches are laid out as the context says", "[engine]") {
  const int before_threads = at::get_num_threads();
  config::TrainSection train = section("cpu");
  CHECK(make_context(train).memory_format == torch::MemoryFormat::Contiguous);
  train.memory_format = "channels_last";
  const auto context = make_context(train);
  nn::Conv2d model(nn::Conv2dOptions{.in = 4, .out = 6, .kernel = 3, .padding = 1, .bias = true});
  nn::name_layers(model);
  nn::initialise(model, 1);
  const torch::Tensor before = model.parameters().front().detach().clone();
  engine::place(model, context);
  const torch::Tensor weight = model.parameters().front();
  CHECK(weight.is_contiguous(torch::MemoryFormat::ChannelsLast));
  CHECK(weight.equal(before));
  CHECK(weight.requires_grad());

  data::Fields fields;
  fields.set("image", torch::rand({2, 4, 5, 7}));
  fields.set("box", torch::rand({2, 4}));
  const data::Fields placed = engine::place(fields, context);
  CHECK(placed.tensor("image").is_contiguous(torch::MemoryFormat::ChannelsLast));
  CHECK(placed.tensor("image").equal(fields.tensor("image")));
  CHECK(placed.tensor("box").is_contiguous());
  at::set_num_threads(before_threads);
}
