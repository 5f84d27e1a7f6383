// Transposed convolutions of a graph against the layers.

#include "nn/conv_transpose.h"
#include "deploy/graph/net.h"

using namespace mlrun;
using test::check_as_eager;
using test::conv_of;
using test::Net;
using torch::Tensor;

TEST_CASE("transposed convolutions are the layers', with what follows them", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const std::vector<nn::ConvTransposeOptions> rows = {
      {.in = 3, .out = 1},
      {.in = 8, .out = 5},
      {.in = 16, .out = 16},
      {.in = 17, .out = 33},
      {.in = 16, .out = 17, .kernel = 4, .stride = 2, .padding = 1},
      {.in = 5, .out = 16, .kernel = 3, .stride = 1, .padding = 1},
      {.in = 6, .out = 7, .kernel = 3, .stride = 3},
  };
  for (const auto& options : rows) {
    for (const nn::Act act : {nn::Act::Relu, nn::Act::Sigmoid}) {
      INFO("row " << &options - rows.data() << ", activation " << static_cast<int>(act));
      const auto model =
          test::net({{"in", conv_of({.in = 3, .out = options.in, .kernel = 3, .padding = 1})},
                     {"grow", test::layer<nn::ConvTranspose2d>(options)},
                     {"act", test::act_of(act)},
                     {"out", conv_of({.in = options.out, .out = 2})}},
                    [](const Net& n, const Tensor& x) { return n("out", n("act", n("grow", n("in", x)))); });
      CHECK(check_as_eager(*model, {{1, 3, 7, 5}, {2, 3, 4, 6}, {5, 3, 3, 3}}).layers == 0);
    }
  }
}

TEST_CASE("a transposed convolution may be all of a graph, and its output be needed twice", "[deploy][graph]") {
  if (!deploy::graph_available()) return test::skip("this build has no oneDNN");
  const auto grow = [] { return test::layer<nn::ConvTranspose2d>(nn::ConvTransposeOptions{.in = 3, .out = 6}); };
  const auto alone = test::net({{"grow", grow()}}, [](const Net& n, const Tensor& x) { return n("grow", x); });
  check_as_eager(*alone, {{1, 3, 5, 4}, {3, 3, 2, 2}});
  const auto twice = test::net({{"grow", grow()}, {"act", test::relu()}, {"sum", test::layer<nn::Add>()}},
                               [](const Net& n, const Tensor& x) {
                                 const Tensor y = n("grow", x);
                                 return n("sum", n("act", y), y);
                               });
  check_as_eager(*twice, {{1, 3, 5, 4}, {2, 3, 3, 7}});
}
