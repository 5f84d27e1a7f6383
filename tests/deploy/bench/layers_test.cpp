#include "deploy/bench/layers.h"

#include "nn/repeated.h"
#include "support.h"

using namespace mlrun;

TEST_CASE("each call of a repeated layer has a time of its own", "[deploy][bench][calls]") {
  const auto model = test::pyramids().first;
  const auto layers = deploy::time_layers(*model, {test::noise({1, 3, 16, 16})}, {.seconds = 0.01});
  std::vector<std::int64_t> macs;
  for (const auto& layer : layers) {
    CHECK(layer.ms > 0);
    if (layer.path == "head.conv") macs.push_back(layer.macs);
  }
  CHECK(macs == std::vector<std::int64_t>{256 * 54 * 6, 64 * 54 * 6, 16 * 54 * 6});
  const std::string table = deploy::layer_table(layers, 0).text();
  for (const char* name : {"head.conv ", "head.conv (2)", "head.conv (3)"}) {
    CHECK(table.find(name) != std::string::npos);
  }
  CHECK(deploy::to_json(layers)[2].at("call") == 0);
}

TEST_CASE("passes that call layers more or less often are timed all the same", "[deploy][bench][calls]") {
  class Uneven : public nn::Layer {
   public:
    Uneven() : Layer("Uneven") { conv_ = add("conv", test::conv3(3, 3)); }
    using Layer::forward;
    nn::Tensors forward(const nn::Tensors& inputs) override {
      torch::Tensor x = inputs.front();
      for (int i = 0; i <= passes_ % 2; ++i) x = call(*conv_, x);
      ++passes_;
      return {x};
    }

   private:
    int passes_ = 0;
    std::shared_ptr<nn::Conv2d> conv_;
  };
  const auto model = test::drawn(std::make_shared<Uneven>());
  const auto layers = deploy::time_layers(*model, {test::noise({1, 3, 8, 8})}, {.seconds = 0.01});
  REQUIRE(layers.size() == 3);
  for (const auto& layer : layers) CHECK(layer.ms > 0);
}
