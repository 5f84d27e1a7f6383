#include "nn/flow/dataflow.h"

#include "nn/flow/fusion.h"
#include "nn/repeated.h"
#include "support.h"

using namespace mlrun;

namespace {

/// `conv 0: 1 -> 2` for each leaf.
std::vector<std::string> lines_of(const nn::Dataflow& flow) {
  std::vector<std::string> lines;
  for (const nn::Leaf& leaf : flow.leaves) {
    std::string line = leaf.layer->path() + " " + std::to_string(leaf.call) + ":";
    for (const auto value : leaf.inputs) line += " " + std::to_string(value);
    line += " ->";
    for (const auto value : leaf.outputs) line += " " + std::to_string(value);
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

TEST_CASE("a data flow has a leaf for each call of a layer", "[nn][flow]") {
  const auto model = test::drawn(std::make_shared<test::Towers>());
  const auto a = test::noise({2, 3, 8, 8}, 1), b = test::noise({2, 3, 8, 8}, 2);
  const auto before = a.clone();
  const nn::Dataflow flow = nn::trace_dataflow(*model, {a, b});
  CHECK(lines_of(flow) == std::vector<std::string>{"tower.conv 0: 0 -> 2", "tower.relu 0: 2 -> 3",
                                                   "tower.conv 1: 1 -> 4", "tower.relu 1: 4 -> 5", "sum 0: 3 5 -> 6",
                                                   "flatten 0: 6 -> 7", "fc 0: 7 -> 8"});
  CHECK(flow.inputs == std::vector<nn::ValueId>{0, 1});
  CHECK(flow.outputs == std::vector<nn::ValueId>{8});
  CHECK(flow.values[8].returned);
  CHECK(a.equal(before));
  const nn::Layer* conv = flow.leaves[0].layer;
  CHECK(flow.find(conv) == 0);
  CHECK(flow.find(conv, 1) == 2);
  CHECK(flow.find(conv, 5) == 2);  // the last that was seen
  CHECK(flow.find(model.get()) == -1);
  CHECK((flow.is_first(0) && !flow.is_first(2)));
}

TEST_CASE("values that go through lists, and outputs that are none of a layer's, are seen", "[nn][flow]") {
  class Picks : public nn::Layer {
   public:
    Picks() : Layer("Picks") { relu_ = add("relu", test::relu()); }
    using Layer::forward;
    nn::Tensors forward(const nn::Tensors& inputs) override {
      const torch::Tensor y = call(*relu_, inputs.front());
      return {y, inputs.at(1).index({y > 0}), torch::Tensor()};
    }

   private:
    std::shared_ptr<nn::Activation> relu_;
  };
  const auto model = test::drawn(std::make_shared<Picks>());
  const nn::Dataflow flow = nn::trace_dataflow(*model, {test::noise({4}), test::noise({4}, 2)});
  CHECK(flow.outputs == std::vector<nn::ValueId>{2, nn::kUnknownValue, nn::kUnknownValue});
  CHECK(flow.values[1].escapes);
  CHECK(flow.values[2].escapes);
}

TEST_CASE("groups are found at each call, and leave alone what is to stay apart", "[nn][flow]") {
  const auto model = test::drawn(std::make_shared<test::TwoNorms>());
  const nn::Dataflow flow = nn::trace_dataflow(*model, {test::noise({1, 4, 8, 8})});
  const auto groups = nn::fusion_groups(flow);
  REQUIRE(groups.size() == 2);
  CHECK((groups[0].norm->path() == "first" && groups[0].activation && groups[0].last_leaf() == 2));
  CHECK((groups[1].norm->path() == "second" && !groups[1].activation && groups[1].leaf == 3));
  const auto apart = nn::fusion_groups(flow, {groups[0].norm, groups[0].activation});
  REQUIRE(apart.size() == 3);
  CHECK((!apart[0].norm && apart[0].last() == apart[0].op));
  CHECK((apart[1].op == groups[0].norm && !apart[1].activation));
  CHECK(apart[2].norm == groups[1].norm);
}
