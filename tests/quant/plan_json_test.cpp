#include "quant/plan_json.h"

#include "support.h"

using namespace mlrun;

namespace {

/// A convolution with its norm and a ReLU, what hands integers on, and a linear layer.
quant::Int8Plan small_plan() {
  quant::Int8Plan plan;
  plan.method = "ptq";
  plan.engine = "onednn";
  plan.reduce_range = true;
  quant::Int8Node conv;
  conv.path = "stem.conv";
  conv.op = "conv2d";
  conv.activation = "relu";
  conv.folded = {"stem.norm", "stem.relu"};
  conv.inputs = {{0.02, 114}};
  conv.output = {0.0371, 0};
  conv.calls = 3;
  quant::Int8Node pass;
  pass.path = "pool";
  pass.op = "pass";
  quant::Int8Node linear;
  linear.path = "fc";
  linear.op = "linear";
  linear.inputs = {{0.0371, 0}};
  linear.output = {0.5, 255};
  linear.float_output = true;
  plan.nodes = {conv, pass, linear};
  plan.float_layers = {{"aux", "Linear", "quantize.skip"}};
  return plan;
}

std::string damaged(const std::function<void(Json&)>& change) {
  Json json = quant::plan_json(small_plan());
  change(json);
  const std::string begin = "m.safetensors: the metadata `quantization` is damaged: ";
  const std::string text = test::user_error([&] { quant::parse_plan(json.dump(), "m.safetensors"); });
  REQUIRE(text.rfind(begin, 0) == 0);
  return text.substr(begin.size());
}

}  // namespace

TEST_CASE("a plan that was written is read again, every field of it", "[quant][int8]") {
  const quant::Int8Plan plan = small_plan();
  const quant::Int8Plan read = quant::parse_plan(quant::plan_json(plan).dump(), "m.safetensors");
  CHECK(read.method == "ptq");
  CHECK(read.engine == "onednn");
  CHECK(read.reduce_range);
  REQUIRE(read.nodes.size() == 3);
  CHECK(read.nodes[0].folded == plan.nodes[0].folded);
  CHECK(read.nodes[0].activation == "relu");
  CHECK(read.nodes[0].calls == 3);
  CHECK(read.nodes[0].inputs.at(0).zero_point == 114);
  CHECK(read.nodes[0].output.scale == 0.0371);
  CHECK(read.nodes[0].last() == "stem.relu");
  CHECK(read.nodes[1].last() == "pool");
  CHECK(read.nodes[2].float_output);
  CHECK(read.nodes[2].output.zero_point == 255);
  CHECK(read.float_layers.at(0).reason == "quantize.skip");
  CHECK(read.find("fc") == &read.nodes[2]);
  CHECK(read.find("stem.relu") == nullptr);
  CHECK(quant::int8_layers(read) == 2);
  CHECK(quant::plan_json(read) == quant::plan_json(plan));
}

TEST_CASE("each field that is damaged is told with its place", "[quant][int8]") {
  struct DamagedRow {
    const char* place;
    Json value;  ///< discarded: the field is taken away
    const char* words;
  };
  const Json gone = Json::value_t::discarded;
  const std::vector<DamagedRow> rows = {
      {"/version", "2", "version is no integer"},
      {"/method", gone, "method is missing"},
      {"/method", 3, "method is no text"},
      {"/method", "magic", "method is not known"},
      {"/engine", "cuda", "engine is not known"},
      {"/reduce_range", 1, "reduce_range is neither true nor false"},
      {"/weight_zero_point", 1, "weight_zero_point is not 0"},
      {"/weight_zero_point", gone, "weight_zero_point is missing"},
      {"/nodes", Json::object(), "nodes is no list"},
      {"/nodes/0", 7, "nodes[0] is no object"},
      {"/nodes/1/path", gone, "nodes[1].path is missing"},
      {"/nodes/1/op", "conv3d", "nodes[1].op is not known"},
      {"/nodes/0/activation", "gelu", "nodes[0].activation is not known"},
      {"/nodes/0/folded", "stem.norm", "nodes[0].folded is no list"},
      {"/nodes/0/folded/1", 0, "nodes[0].folded has what is no text"},
      {"/nodes/0/inputs", 0.5, "nodes[0].inputs is no list"},
      {"/nodes/0/inputs/0", Json{0.5}, "nodes[0].inputs is no scale and zero point"},
      {"/nodes/0/inputs/0/1", 0.5, "nodes[0].inputs is no scale and zero point"},
      {"/nodes/0/inputs/0/1", 256, "nodes[0].inputs is out of range"},
      {"/nodes/0/inputs/0/1", -1, "nodes[0].inputs is out of range"},
      {"/nodes/2/output", gone, "nodes[2].output is missing"},
      {"/nodes/2/output/0", -0.5, "nodes[2].output is out of range"},
      {"/nodes/2/output/0", 0, "nodes[2].output is out of range"},
      {"/nodes/2/output/0", 1e39, "nodes[2].output is out of range"},
      {"/nodes/2/output/0", 1e-60, "nodes[2].output is out of range"},  // 0 as kernels have it
      {"/nodes/2/float_output", "yes", "nodes[2].float_output is neither true nor false"},
      {"/nodes/0/calls", 0, "nodes[0].calls is no number of calls"},
      {"/nodes/0/calls", 65537, "nodes[0].calls is no number of calls"},
      {"/nodes/0/calls", 1.5, "nodes[0].calls is no number of calls"},
      {"/float_layers", gone, "float_layers is missing"},
      {"/float_layers/0/type", Json(), "float_layers[0].type is no text"},
      {"/float_layers/0", Json::array(), "float_layers[0] is no object"},
  };
  for (const auto& row : rows) {
    INFO(row.place << " = " << (row.value.is_discarded() ? "(gone)" : row.value.dump()));
    const Json::json_pointer place(row.place);
    CHECK(damaged([&](Json& json) {
            if (row.value.is_discarded()) json.at(place.parent_pointer()).erase(place.back());
            else json.at(place) = row.value;
          }) == row.words);
  }
}

TEST_CASE("text that is no plan, and plans of other versions, are refused", "[quant][int8]") {
  const auto refusal = [](const std::string& text) {
    return test::user_error([&] { quant::parse_plan(text, "m.safetensors"); });
  };
  CHECK(refusal("[]") == "m.safetensors: the metadata `quantization` is damaged: it is no JSON object");
  CHECK(refusal("{}") == "m.safetensors: the metadata `quantization` is damaged: version is missing");
  CHECK(refusal("{\"version\": 3}") ==
        "m.safetensors: has int8 weights of version 3, which this mlrun does not know; take a newer mlrun");
  CHECK(refusal("{\"version\": 0}") ==
        "m.safetensors: has int8 weights of version 0, which this mlrun does not know; take a newer mlrun");
  CHECK_FALSE(refusal("{\"version\":").empty());
  Json old = quant::plan_json(small_plan());
  old["version"] = 1;  // had zero points as tensors, and not this word
  old.erase("weight_zero_point");
  CHECK(quant::parse_plan(old.dump(), "m.safetensors").nodes.size() == 3);
}
