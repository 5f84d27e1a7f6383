#include "deploy/onnx/scores.h"

#include <torch/types.h>

#include "support.h"

using namespace mlrun;
using deploy::OnnxGraph;
using deploy::OnnxNode;
using deploy::OnnxScorer;
using torch::Tensor;

namespace {

using Nodes = std::vector<OnnxNode>;

OnnxNode node(const std::string& type, std::vector<std::string> inputs, const std::string& output) {
  return {"the " + type, type, "", std::move(inputs), {output}, {}};
}

OnnxNode along(const std::string& type, std::int64_t axis, const std::string& input, const std::string& output) {
  OnnxNode made = node(type, {input}, output);
  made.attributes["axis"] = axis;
  return made;
}

/// From images of one pixel whose channels are the logits to `y`.
OnnxGraph graph(Nodes nodes, std::int64_t opset = 13) {
  OnnxGraph made;
  made.file = "m.onnx";
  made.opset = opset;
  made.inputs = {{"x", torch::kFloat, {}}};
  made.outputs = {{"y", torch::kFloat, {}}};
  made.nodes = std::move(nodes);
  made.constants["rows"] = torch::tensor(std::vector<std::int64_t>{0, -1});
  made.constants["last"] = torch::tensor(std::vector<std::int64_t>{3});
  made.constants["classes"] = torch::tensor(std::vector<std::int64_t>{1});
  made.constants["scale"] = torch::tensor(1.0F / 255);
  made.constants["zero"] = torch::zeros({}, torch::kByte);
  return made;
}

Tensor some_logits() {
  return torch::tensor({{0.5, -1.25, 3.0}, {-2.0, 0.25, 0.125}, {1.0, 1.5, -0.75}}).to(torch::kFloat);
}

struct Answer {
  Tensor rows;
  deploy::OnnxOutputs outputs;
};

Answer answer(OnnxGraph made, const Tensor& logits = some_logits()) {
  OnnxScorer classifier(std::move(made));
  Tensor rows = classifier(logits.view({logits.size(0), logits.size(1), 1, 1}));
  return {rows, classifier.outputs()};
}

}  // namespace

TEST_CASE("an ONNX classifier that ends in probabilities gives the logits before them", "[deploy][onnx]") {
  OnnxNode cast = node("Cast", {"p"}, "c");
  cast.attributes["to"] = std::int64_t{11};  // float64
  const std::vector<std::pair<std::string, OnnxGraph>> cases = {
      {"softmax", graph({along("Flatten", 1, "x", "f"), along("Softmax", 1, "f", "y")})},
      {"softmax", graph({along("Flatten", 1, "x", "f"), along("Softmax", -1, "f", "y")})},
      {"softmax", graph({along("Flatten", 1, "x", "f"), node("Softmax", {"f"}, "y")}, 11)},
      {"softmax",
       graph({along("Softmax", 1, "x", "p"), cast, node("Identity", {"c"}, "i"), node("Reshape", {"i", "rows"}, "y")})},
      {"softmax",
       graph({along("Softmax", 1, "x", "p"), node("Squeeze", {"p", "last"}, "s"), along("Flatten", 1, "s", "y")})},
      {"softmax", graph({along("Flatten", 1, "x", "f"), along("Softmax", 1, "f", "p"),
                         node("QuantizeLinear", {"p", "scale", "zero"}, "q"),
                         node("DequantizeLinear", {"q", "scale", "zero"}, "y")})},
      {"sigmoid", graph({along("Flatten", 1, "x", "f"), node("Sigmoid", {"f"}, "y")})},
      {"sigmoid", graph({node("Sigmoid", {"x"}, "p"), node("Dropout", {"p"}, "d"), along("Flatten", 1, "d", "y")})},
  };
  for (const auto& [kind, made] : cases) {
    std::string ops;
    for (const auto& one : made.nodes) ops += one.type + " ";
    INFO(ops);
    const Answer found = answer(made);
    CHECK(torch::equal(found.rows, some_logits()));
    CHECK(found.outputs.kind == kind);
    CHECK(found.outputs.seen_in == "graph");
    CHECK(found.outputs.taken == "before");
  }
  const Answer first = answer(cases.front().second);
  CHECK(first.outputs.text() == "softmax (node 'the Softmax' (Softmax, opset 13)): the values before it are taken");
  CHECK(first.outputs.json() == Json{{"kind", "softmax"},
                                     {"seen_in", "graph"},
                                     {"node", "node 'the Softmax' (Softmax, opset 13)"},
                                     {"taken", "before"}});
}

TEST_CASE("the loss of a sure ONNX classifier is that of its logits, not of rounded probabilities", "[deploy][onnx]") {
  const Tensor logits = torch::tensor({{300.0, 0.0}, {0.0, 300.0}}).to(torch::kFloat);
  const Tensor labels = torch::tensor(std::vector<std::int64_t>{1, 1});
  const auto loss = [&](Nodes nodes) {
    return torch::cross_entropy_loss(answer(graph(std::move(nodes)), logits).rows, labels).item<double>();
  };
  CHECK(loss({along("Flatten", 1, "x", "f"), along("Softmax", 1, "f", "y")}) == Approx(150));
  CHECK(loss({along("Flatten", 1, "x", "f"), along("LogSoftmax", 1, "f", "y")}) == Approx(150));
}

TEST_CASE("an ONNX classifier's logarithms of probabilities are taken as they are", "[deploy][onnx]") {
  const Tensor expected = some_logits().log_softmax(1);
  const Answer seen = answer(graph({along("Flatten", 1, "x", "f"), along("LogSoftmax", 1, "f", "y")}));
  CHECK(torch::equal(seen.rows, expected));
  CHECK(seen.outputs.text() ==
        "log_softmax (node 'the LogSoftmax' (LogSoftmax, opset 13)): they are taken as they are");
  const Answer made =
      answer(graph({along("Flatten", 1, "x", "f"), along("Softmax", 1, "f", "p"), node("Log", {"p"}, "y")}));
  CHECK(torch::allclose(made.rows, expected, 1e-5, 1e-6));
  CHECK(made.outputs.text() == "log_softmax (every row sums to 1): they are taken as they are");
}

TEST_CASE("probabilities that no node of an ONNX graph names are seen by their sums", "[deploy][onnx]") {
  const Nodes by_hand = {along("Flatten", 1, "x", "f"), node("Exp", {"f"}, "e"),
                         node("ReduceSum", {"e", "classes"}, "s"), node("Div", {"e", "s"}, "y")};
  for (const Tensor& logits : {some_logits(), some_logits().narrow(0, 0, 1)}) {
    const Answer found = answer(graph(by_hand), logits);
    CHECK(torch::allclose(found.rows, logits.log_softmax(1), 1e-4, 1e-5));
    CHECK(found.outputs.json() ==
          Json{{"kind", "softmax"}, {"seen_in", "rows"}, {"node", nullptr}, {"taken", "logarithms"}});
  }
  OnnxScorer classifier(graph(by_hand));
  const auto images = [](const Tensor& logits) { return logits.view({logits.size(0), logits.size(1), 1, 1}); };
  classifier(images(some_logits()));
  const Tensor none = classifier(images(torch::tensor({{200.0F, 0.0F, 0.0F}}) / 3));  // of what the first batch was
  CHECK(none.isfinite().all().item<bool>());
  CHECK(none.argmax(1).item<std::int64_t>() == 0);
}

TEST_CASE("an ONNX classifier's outputs that nothing tells apart from logits are logits", "[deploy][onnx]") {
  const Tensor logits = some_logits();
  const std::vector<std::pair<Nodes, Tensor>> cases = {
      {{along("Flatten", 1, "x", "y")}, logits},
      // A softmax over the batch, and one within the network.
      {{along("Flatten", 1, "x", "f"), along("Softmax", 0, "f", "y")}, logits.softmax(0)},
      {{along("Flatten", 1, "x", "f"), along("Softmax", 1, "f", "p"), node("Mul", {"p", "f"}, "y")},
       logits.softmax(1) * logits},
      {{along("Flatten", 1, "x", "f"), node("Sigmoid", {"f"}, "p"), node("Neg", {"p"}, "y")}, -logits.sigmoid()},
  };
  for (const auto& [nodes, expected] : cases) {
    const Answer found = answer(graph(nodes));
    CHECK(torch::allclose(found.rows, expected, 1e-6, 1e-7));
    CHECK(found.outputs.kind == "logits");
    CHECK(found.outputs.text().empty());
    CHECK(found.outputs.json().at("seen_in").is_null());
  }
}
