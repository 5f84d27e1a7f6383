// Each operation of a graph against the layer that it stands for.

#include "base/error.h"
#include "deploy/graph/net.h"

using namespace mlrun;
using test::act_of;
using test::check_as_eager;
using test::conv_of;
using test::Net;
using torch::Tensor;

namespace {

const std::vector<nn::Act> kActs = {nn::Act::Relu,    nn::Act::Relu6, nn::Act::Hardswish, nn::Act::Hardsigmoid,
                                    nn::Act::Sigmoid, nn::Act::Silu,  nn::Act::Gelu,      nn::Act::Tanh};

std::string no_graph_for(nn::Layer& model, const std::vector<std::int64_t>& size) {
  try {
    deploy::InferenceGraph graph(model, test::noise(size));
  } catch (const deploy::NoGraph& reason) {
    return reason.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every activation is the layer's behind a convolution, a sum, a norm and by itself", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  for (const nn::Act act : kActs) {
    INFO("activation " << static_cast<int>(act));
    const Net::Parts parts = {{"a", conv_of({.in = 3, .out = 13, .kernel = 3, .padding = 1})},
                              {"b", conv_of({.in = 13, .out = 13, .kernel = 3, .padding = 1})},
                              {"act", act_of(act)},
                              {"sum", test::layer<nn::Add>()},
                              {"join", test::layer<nn::Concat>()},
                              {"norm", test::layer<nn::BatchNorm2d>(26)}};
    const auto behind = test::net(parts, [](const Net& n, const Tensor& x) { return n("act", n("a", x)); });
    const auto of_sum = test::net(parts, [](const Net& n, const Tensor& x) {
      const Tensor y = n("a", x);
      return n("act", n("sum", n("b", y), y));
    });
    const auto of_norm = test::net(parts, [](const Net& n, const Tensor& x) {
      const Tensor y = n("a", x);
      return n("act", n("norm", n.all("join", {y, n("b", y)}).front()));
    });
    const auto alone = test::net(parts, [](const Net& n, const Tensor& x) {
      const Tensor y = n("a", x);
      return n("act", n.all("join", {y, n("b", y)}).front());
    });
    for (const auto& model : {behind, of_sum, of_norm, alone}) {
      CHECK(check_as_eager(*model, {{1, 3, 7, 5}, {3, 3, 6, 6}}).layers == 0);
    }
  }
}

TEST_CASE("convolutions of odd shapes, strides, dilations and groups are the layers'", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const std::vector<nn::Conv2dOptions> rows = {
      {.in = 3, .out = 1},
      {.in = 1, .out = 5, .kernel = 3, .padding = 1},
      {.in = 3, .out = 8, .kernel = {1, 5}, .padding = {0, 2}},
      {.in = 3, .out = 8, .kernel = {5, 1}, .stride = {2, 3}, .padding = {2, 0}},
      {.in = 3, .out = 6, .kernel = 3, .padding = 2, .dilation = 2},
      {.in = 3, .out = 6, .kernel = {2, 3}, .dilation = {3, 1}, .bias = false},
      {.in = 16, .out = 16, .kernel = 3, .padding = 1, .groups = 16},
      {.in = 12, .out = 18, .kernel = 3, .stride = 2, .padding = 1, .groups = 6},
      {.in = 5, .out = 10, .kernel = 3, .padding = 1, .groups = 5},
      {.in = 3, .out = 4, .kernel = 7, .stride = 4, .padding = 3},
      {.in = 3, .out = 4, .kernel = 2, .padding = 3},
      {.in = 17, .out = 33, .stride = 2},
  };
  for (const auto& options : rows) {
    INFO("row " << &options - rows.data());
    const auto model = test::net({{"conv", conv_of(options)}, {"out", conv_of({.in = options.out, .out = 2})}},
                                 [](const Net& n, const Tensor& x) { return n("out", n("conv", x)); });
    check_as_eager(*model, {{1, options.in, 11, 9}, {2, options.in, 8, 13}, {5, options.in, 9, 9}});
  }
}

TEST_CASE("pooling is the layer's, at the edges too", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  std::vector<std::shared_ptr<nn::Layer>> pools;
  for (const bool ceil : {false, true}) {
    pools.push_back(test::layer<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 2, .ceil_mode = ceil}));
    pools.push_back(test::layer<nn::MaxPool2d>(
        nn::MaxPool2dOptions{.kernel = {2, 3}, .stride = {3, 1}, .padding = {1, 1}, .ceil_mode = ceil}));
  }
  pools.push_back(test::layer<nn::AvgPool2d>(nn::AvgPool2dOptions{.kernel = 2, .stride = 2}));
  pools.push_back(test::layer<nn::AvgPool2d>(nn::AvgPool2dOptions{.kernel = 3, .stride = 2, .padding = 1}));
  pools.push_back(
      test::layer<nn::AvgPool2d>(nn::AvgPool2dOptions{.kernel = {1, 4}, .stride = {1, 2}, .padding = {0, 2}}));
  for (const nn::Pair& size :
       {nn::Pair(1), nn::Pair({10, 14}), nn::Pair({5, 7}), nn::Pair({3, 4}), nn::Pair({1, 14})}) {
    pools.push_back(test::layer<nn::AdaptiveAvgPool2d>(size));
  }
  for (const std::int64_t channels : {5, 16}) {
    for (const auto& pool : pools) {
      INFO(channels << " channels, " << pool->type() << " " << &pool - pools.data());
      const auto model =
          test::net({{"a", conv_of({.in = 3, .out = channels, .kernel = 3, .padding = 1})},
                     {"pool", pool},
                     {"b", conv_of({.in = channels, .out = channels, .kernel = 1})},
                     {"act", test::relu()}},
                    [](const Net& n, const Tensor& x) { return n("act", n("b", n("pool", n("a", x)))); });
      check_as_eager(*model, {{1, 3, 10, 14}, {3, 3, 10, 14}});
    }
  }
}

TEST_CASE("channels are joined, split and shuffled at any place", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  for (const std::int64_t channels : {6, 16, 24}) {
    for (const std::int64_t parts : {2, 3}) {
      if (channels % parts != 0) continue;
      INFO(channels << " channels in " << parts);
      const auto model = test::net({{"in", conv_of({.in = 3, .out = channels, .kernel = 3, .padding = 1})},
                                    {"chunk", test::layer<nn::Chunk>(parts)},
                                    {"conv", conv_of({.in = channels / parts, .out = 7, .kernel = 3, .padding = 1})},
                                    {"join", test::layer<nn::Concat>()},
                                    {"shuffle", test::layer<nn::ChannelShuffle>(parts)},
                                    {"act", test::relu()}},
                                   [](const Net& n, const Tensor& x) {
                                     nn::Tensors some = n.all("chunk", {n("shuffle", n("in", x))});
                                     const Tensor own = n("conv", some.back());
                                     some.insert(some.begin(), own);
                                     some.push_back(own);  // twice
                                     return n("act", n.all("join", some).front());
                                   });
      CHECK(check_as_eager(*model, {{1, 3, 5, 6}, {2, 3, 5, 6}, {1, 3, 9, 4}}).layers == 0);
    }
  }
}

TEST_CASE("products of images, of channels and of anything else are the layers'", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const Net::Parts parts = {{"a", conv_of({.in = 3, .out = 10, .kernel = 3, .padding = 1})},
                            {"b", conv_of({.in = 3, .out = 10, .kernel = 3, .padding = 1})},
                            {"one", conv_of({.in = 3, .out = 1, .kernel = 3, .padding = 1})},
                            {"squeeze", conv_of({.in = 10, .out = 10})},
                            {"pool", test::layer<nn::AdaptiveAvgPool2d>(1)},
                            {"gate", act_of(nn::Act::Sigmoid)},
                            {"mul", test::layer<nn::Mul>()},
                            {"out", conv_of({.in = 10, .out = 4, .kernel = 3})}};
  const auto gate = [](const Net& n, const Tensor& y) { return n("gate", n("squeeze", n("pool", y))); };
  const std::vector<std::pair<Net::Body, std::size_t>> rows = {
      {[](const Net& n, const Tensor& x) { return n("out", n("mul", n("a", x), n("b", x))); }, 0},
      {[=](const Net& n, const Tensor& x) {
         const Tensor y = n("a", x);
         return n("out", n("mul", y, gate(n, y)));
       },
       0},
      {[=](const Net& n, const Tensor& x) {
         const Tensor y = n("a", x);
         return n("out", n("mul", gate(n, y), y));
       },
       0},
      {[](const Net& n, const Tensor& x) { return n("out", n("mul", n("a", x), n("one", x))); }, 1},
      {[](const Net& n, const Tensor& x) {
         const Tensor y = n("a", x);
         return n("out", n("mul", y, y));
       },
       0},
  };
  for (const auto& row : rows) {
    INFO("row " << &row - rows.data());
    CHECK(check_as_eager(*test::net(parts, row.first), {{1, 3, 6, 7}, {3, 3, 6, 7}}).layers == row.second);
  }
}

TEST_CASE("sums are computed with what they follow, in place or beside what is still needed", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const Net::Parts parts = {{"in", conv_of({.in = 3, .out = 12, .kernel = 3, .padding = 1})},
                            {"conv", conv_of({.in = 12, .out = 12, .kernel = 3, .padding = 1})},
                            {"other", conv_of({.in = 12, .out = 12})},
                            {"norm", test::layer<nn::BatchNorm2d>(12)},
                            {"silu", act_of(nn::Act::Silu)},
                            {"hard", act_of(nn::Act::Hardsigmoid)},
                            {"relu", test::relu()},
                            {"sum", test::layer<nn::Add>()},
                            {"join", test::layer<nn::Concat>()}};
  const std::vector<Net::Body> rows = {
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("in", x);
        return n("relu", n("sum", n("norm", n("conv", y)), y));
      },
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("in", x);
        return n("relu", n("sum", n("silu", n("conv", y)), y));
      },
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("in", x);
        return n("silu", n("sum", n("hard", n("conv", y)), y));
      },
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("in", x);
        const Tensor z = n("sum", n("conv", y), y);
        return n.all("join", {z, y, n("other", y)}).front();
      },
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("in", x);
        return n("relu", n("sum", n("conv", y), n("other", y)));
      },
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("in", x), z = n("relu", n("conv", y));
        return n("sum", n("sum", z, n("other", z)), y);
      },
  };
  for (const auto& body : rows) {
    INFO("row " << &body - rows.data());
    CHECK(check_as_eager(*test::net(parts, body), {{1, 3, 6, 7}, {2, 3, 5, 9}, {1, 3, 1, 1}}).layers == 0);
  }
}

TEST_CASE("a convolution may be added to its own input", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  for (const std::int64_t channels : {12, 16, 64}) {
    for (const std::int64_t kernel : {1, 3}) {
      INFO(channels << " channels, kernel " << kernel);
      const auto model =
          test::net({{"in", conv_of({.in = 3, .out = channels, .kernel = 3, .padding = 1})},
                     {"conv", conv_of({.in = channels, .out = channels, .kernel = kernel, .padding = kernel / 2})},
                     {"relu", test::relu()},
                     {"sum", test::layer<nn::Add>()}},
                    [](const Net& n, const Tensor& x) {
                      const Tensor y = n("in", x);
                      return n("relu", n("sum", n("conv", y), y));
                    });
      CHECK(check_as_eager(*model, {{1, 3, 20, 21}, {2, 3, 9, 9}, {1, 3, 1, 1}}).layers == 0);
    }
  }
}

TEST_CASE("an operation that works in place may be the last", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const Net::Parts parts = {{"flatten", test::layer<nn::Flatten>()},
                            {"a", test::layer<nn::Linear>(12, 7)},
                            {"b", test::layer<nn::Linear>(12, 7)},
                            {"c", test::layer<nn::Linear>(12, 7)},
                            {"sum", test::layer<nn::Add>()},
                            {"mul", test::layer<nn::Mul>()},
                            {"relu", test::relu()}};
  const std::vector<Net::Body> rows = {
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("flatten", x), z = n("sum", n("a", y), n("b", y));
        return n("sum", z, n("c", y));
      },
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("flatten", x);
        return n("mul", n("a", y), n("b", y));
      },
      [](const Net& n, const Tensor& x) {
        const Tensor y = n("flatten", x);
        return n("relu", n("mul", n("a", y), n("b", y)));
      },
      [](const Net& n, const Tensor& x) { return n("flatten", x); },
  };
  for (const auto& body : rows) {
    INFO("row " << &body - rows.data());
    CHECK(check_as_eager(*test::net(parts, body), {{1, 3, 2, 2}, {5, 3, 2, 2}}).layers == 0);
  }
}

TEST_CASE("a sum that repeats one of its tensors is no graph", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const Net::Parts parts = {{"in", conv_of({.in = 3, .out = 12, .kernel = 3, .padding = 1})},
                            {"pool", test::layer<nn::AdaptiveAvgPool2d>(1)},
                            {"context", conv_of({.in = 12, .out = 12})},
                            {"whole", conv_of({.in = 12, .out = 12, .kernel = 6})},
                            {"relu", test::relu()},
                            {"sum", test::layer<nn::Add>()}};
  const auto pooled = test::net(parts, [](const Net& n, const Tensor& x) {
    const Tensor y = n("in", x);
    return n("relu", n("sum", y, n("context", n("pool", y))));
  });
  CHECK(no_graph_for(*pooled, {1, 3, 6, 6}) == "what context gives is added to a tensor of another size");
  const auto shrunk = test::net(parts, [](const Net& n, const Tensor& x) {
    const Tensor y = n("in", x);
    return n("relu", n("sum", y, n("whole", y)));
  });
  CHECK(no_graph_for(*shrunk, {1, 3, 6, 6}) == "what whole gives is added to a tensor of another size");
  const auto means = test::net(parts, [](const Net& n, const Tensor& x) {
    const Tensor y = n("in", x), z = n("relu", y);
    return n("relu", n("sum", z, n("pool", z)));
  });
  CHECK(no_graph_for(*means, {1, 3, 6, 6}) == "sum adds tensors of different sizes");
}

TEST_CASE("linear layers of few and of many rows are the layers', with what follows them", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  for (const auto& [in, out] : {std::pair<std::int64_t, std::int64_t>(1, 1), {37, 19}, {64, 10}}) {
    for (const nn::Act act : kActs) {
      INFO(in << " to " << out << ", activation " << static_cast<int>(act));
      const auto model = test::net({{"flatten", test::layer<nn::Flatten>()},
                                    {"a", test::layer<nn::Linear>(in, out)},
                                    {"b", test::layer<nn::Linear>(out, out, false)},
                                    {"act", act_of(act)},
                                    {"relu", test::relu()},
                                    {"sum", test::layer<nn::Add>()}},
                                   [](const Net& n, const Tensor& x) {
                                     const Tensor y = n("act", n("a", n("flatten", x)));
                                     return n("relu", n("sum", n("b", y), y));
                                   });
      CHECK(check_as_eager(*model, {{1, in, 1, 1}, {4, in, 1, 1}, {5, in, 1, 1}, {33, in, 1, 1}}).layers == 0);
    }
  }
}

TEST_CASE("a graph does not depend on threads, memory formats and what ran before", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const torch::NoGradGuard no_gradients;
  const auto model =
      test::net({{"a", conv_of({.in = 3, .out = 24, .kernel = 3, .padding = 1})},
                 {"b", conv_of({.in = 24, .out = 24, .kernel = 3, .padding = 1, .groups = 24})},
                 {"relu", test::relu()},
                 {"pool", test::layer<nn::AdaptiveAvgPool2d>(1)}},
                [](const Net& n, const Tensor& x) { return n("pool", n("relu", n("b", n("relu", n("a", x))))); });
  deploy::InferenceGraph graph(*model, test::noise({1, 3, 32, 32}));
  const int threads = at::get_num_threads();
  const Tensor input = test::noise({2, 3, 32, 32}), expected = (*model)(input.clone());
  for (const int count : {1, 2, 3, 1}) {
    at::set_num_threads(count);
    CHECK(torch::allclose(graph(input), expected, 1e-4, 1e-5));
    CHECK(torch::allclose(graph(input.contiguous(at::MemoryFormat::ChannelsLast)), expected, 1e-4, 1e-5));
    CHECK(torch::allclose(graph(input.transpose(2, 3).contiguous().transpose(2, 3)), expected, 1e-4, 1e-5));
  }
  at::set_num_threads(threads);
  for (int round = 0; round < 2; ++round) {  // more sizes than are kept
    for (std::int64_t size = 8; size <= 20; size += 2) {
      const Tensor image = test::noise({1, 3, size, size + 1});
      CHECK(torch::allclose(graph(image), (*model)(image.clone()), 1e-4, 1e-5));
    }
  }
}
