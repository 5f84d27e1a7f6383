// Resizing in graphs: the kernel, the operation, and whole segmenters.

#include "deploy/graph/kernels.h"
#include "deploy/graph/net.h"
#include "models/classifiers.h"
#include "nn/interpolate.h"

using namespace mlrun;
using test::check_as_eager;
using test::conv_of;
using test::Net;
using torch::Tensor;

TEST_CASE("the kernel resizes as LibTorch does, in every layout", "[deploy][graph]") {
  const std::vector<std::vector<std::int64_t>> rows = {
      // height and width, before and after: up, down, both, wide, as they are, from a pixel, to a pixel
      {5, 7, 40, 56}, {65, 33, 520, 264}, {65, 33, 130, 131}, {40, 56, 7, 5}, {9, 30, 20, 11},
      {3, 4, 3, 4},   {1, 1, 6, 5},       {8, 9, 1, 1},       {1, 6, 70, 6},  {2, 300, 150, 301}};
  for (const auto& row : rows) {
    const Tensor x = test::noise({2, 3, row[0], row[1]});
    const Tensor expected = at::upsample_bilinear2d(x, {row[2], row[3]}, false);
    // LibTorch's versions round places differently, but where the scale is a power of two.
    const bool exact = row[2] % row[0] == 0 && row[3] % row[1] == 0;
    const double tolerance = exact ? 1e-6 : 1e-4;
    for (const std::int64_t block : {1, 3}) {  // NCHW, NHWC
      INFO(at::IntArrayRef(row) << ", block " << block);
      const auto laid = [&](const Tensor& image) {
        return block == 1 ? image : image.permute({0, 2, 3, 1}).contiguous();
      };
      const Tensor from = laid(x), to = torch::full_like(laid(expected), 7);
      deploy::resize_bilinear(from.data_ptr<float>(), {2 * 3 / block, block, row[0], row[1], row[2], row[3]},
                              to.data_ptr<float>());
      CHECK(torch::allclose(to, laid(expected), 0, tolerance));
    }
  }
}

TEST_CASE("the kernel takes the nearest pixels that LibTorch takes, and adds them", "[deploy][graph]") {
  const std::vector<std::vector<std::int64_t>> rows = {{5, 7, 10, 14}, {13, 19, 25, 38}, {3, 4, 3, 4},     {1, 1, 6, 5},
                                                       {8, 9, 5, 4},   {25, 34, 50, 67}, {7, 300, 15, 601}};
  for (const auto& row : rows) {
    const Tensor x = test::noise({2, 3, row[0], row[1]}), other = test::noise({2, 3, row[2], row[3]}, 1);
    const Tensor expected = at::upsample_nearest2d(x, {row[2], row[3]});
    for (const std::int64_t block : {1, 3}) {  // NCHW, NHWC
      INFO(at::IntArrayRef(row) << ", block " << block);
      const auto laid = [&](const Tensor& image) {
        return (block == 1 ? image : image.permute({0, 2, 3, 1})).contiguous().clone();
      };
      const deploy::ResizeShape shape{2 * 3 / block, block, row[0], row[1], row[2], row[3]};
      const Tensor from = laid(x), to = torch::full_like(laid(expected), 7), onto = laid(other);
      deploy::resize_nearest(from.data_ptr<float>(), nullptr, shape, to.data_ptr<float>());
      CHECK(to.equal(laid(expected)));
      deploy::resize_nearest(from.data_ptr<float>(), onto.data_ptr<float>(), shape, onto.data_ptr<float>());
      CHECK(onto.equal(laid(other + expected)));
    }
  }
}

TEST_CASE("a nearest resize takes in the sum behind it", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  for (const std::int64_t channels : {5, 16, 24}) {
    INFO(channels << " channels");
    const Net::Parts parts = {{"a", conv_of({.in = 3, .out = channels, .kernel = 3, .stride = 2, .padding = 1})},
                              {"b", conv_of({.in = channels, .out = channels, .kernel = 3, .stride = 2, .padding = 1})},
                              {"c", conv_of({.in = channels, .out = 4})},
                              {"sum", test::layer<nn::Add>()},
                              {"resize", test::layer<nn::Interpolate>(nn::InterpolateMode::Nearest)}};
    const auto over = test::net(parts, [](const Net& n, const Tensor& x) {
      const Tensor fine = n("a", x), coarse = n("b", fine), lateral = n("b", x.size(1) == 3 ? n("a", x) : x);
      return n("c", n("sum", lateral, n("resize", n("b", coarse), lateral)));
    });
    const auto kept = test::net(parts, [](const Net& n, const Tensor& x) {
      const Tensor fine = n("a", x), grown = n("sum", n("resize", n("b", fine), fine), fine);
      return n("c", n("sum", grown, n("resize", fine, grown)));
    });
    for (const auto& model : {over, kept}) {
      const auto found = check_as_eager(*model, {{1, 3, 37, 52}, {3, 3, 40, 64}});
      CHECK(found.layers == 0);
    }
  }
}

TEST_CASE("resizing is the layer's where it ends a model, among others, and from one pixel", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  for (const std::int64_t channels : {5, 16, 24}) {
    INFO(channels << " channels");
    const Net::Parts parts = {{"a", conv_of({.in = 3, .out = channels, .kernel = 3, .stride = 2, .padding = 1})},
                              {"b", conv_of({.in = 2 * channels, .out = 4})},
                              {"act", test::relu()},
                              {"pool", test::layer<nn::AdaptiveAvgPool2d>(1)},
                              {"join", test::layer<nn::Concat>()},
                              {"resize", test::layer<nn::Interpolate>()}};
    const auto last = test::net(parts, [](const Net& n, const Tensor& x) { return n("resize", n("a", x), x); });
    const auto between = test::net(parts, [](const Net& n, const Tensor& x) {
      const Tensor y = n("resize", n("act", n("a", x)), x);
      return n("b", n.all("join", {y, n("act", y)}).front());
    });
    const auto pixel = test::net(parts, [](const Net& n, const Tensor& x) {
      const Tensor y = n("act", n("a", x));
      return n("b", n.all("join", {y, n("resize", n("pool", y), y)}).front());
    });
    for (const auto& model : {last, between, pixel}) {
      CHECK(check_as_eager(*model, {{1, 3, 17, 12}, {3, 3, 9, 20}, {1, 3, 1, 1}}).layers == 0);
    }
  }
}

TEST_CASE("convolutions in a row, by channel or not, change no layout between them", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const auto model =
      test::net({{"stem", conv_of({.in = 3, .out = 16, .kernel = 3, .stride = 2, .padding = 1})},
                 {"deep", conv_of({.in = 16, .out = 16, .kernel = 3, .padding = 1, .groups = 16})},
                 {"wide", conv_of({.in = 16, .out = 64})},
                 {"less", conv_of({.in = 64, .out = 64, .kernel = 3, .stride = 2, .padding = 1, .groups = 64})},
                 {"pool", test::layer<nn::AdaptiveAvgPool2d>(1)}},
                [](const Net& n, const Tensor& x) { return n("pool", n("less", n("wide", n("deep", n("stem", x))))); });
  CHECK(check_as_eager(*model, {{1, 3, 64, 48}, {2, 3, 33, 35}}).reorders == 0);
}

TEST_CASE("segmenters run as graphs whole", "[deploy][graph][segmentation]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  for (const char* name :
       {"lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large", "fcn_mobilenet_v3_large", "unet"}) {
    INFO(name);
    const auto model = models::models().make(models::models().defaults(name), models::ModelRequest{6, 3});
    nn::initialise(*model, 0);
    model->eval();
    CHECK(check_as_eager(*model, {{1, 3, 64, 96}, {2, 3, 48, 48}}).layers == 0);
  }
}
