#include "quant/plan_json.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace mlrun::quant {
namespace {

constexpr int kVersion = 2;  ///< 1 had the weights' zero points, all of them 0, as tensors
constexpr int kOldestVersion = 1;
constexpr std::uint64_t kMostCalls = 1 << 16;
constexpr std::array kOps{"conv2d", "linear",       "linear_dynamic", "add",         "mul",    "cat",
                          "pass",   "batch_norm2d", "hardswish",      "hardsigmoid", "sigmoid"};
constexpr std::array kMethods{"ptq", "qat", "dynamic"};
constexpr std::array kEngines{"onednn", "x86", "fbgemm", "qnnpack"};
constexpr std::array kActivations{"", "relu", "relu6"};

Json scale_json(const Scale& scale) { return Json::array({scale.scale, scale.zero_point}); }

Json node_json(const Int8Node& node) {
  Json json{{"path", node.path}, {"op", node.op}};
  if (!node.activation.empty()) json["activation"] = node.activation;
  if (!node.folded.empty()) json["folded"] = node.folded;
  for (const Scale& input : node.inputs) json["inputs"].push_back(scale_json(input));
  if (node.op != "pass" && node.op != "linear_dynamic") json["output"] = scale_json(node.output);
  if (node.float_output) json["float_output"] = true;
  if (node.calls > 1) json["calls"] = node.calls;
  return json;
}

/// Reads values of one JSON document, each with the place where it stands.
class PlanReader {
 public:
  explicit PlanReader(std::string file) : file_(std::move(file)) {}

  Int8Plan plan(const std::string& text) const {
    const Json json = parse_json(text);
    if (!json.is_object()) fail("", "is no JSON object");
    const Json& version = member(json, "version", "");
    if (!version.is_number_integer()) fail("version", "is no integer");
    if (version < kOldestVersion || version > kVersion) {
      throw file_error(file_, "has int8 weights of version " + version.dump() + ", which this mlrun does not know",
                       "take a newer mlrun");
    }
    Int8Plan plan;
    plan.method = one_of(kMethods, json, "method", "");
    plan.engine = one_of(kEngines, json, "engine", "");
    plan.reduce_range = boolean(json, "reduce_range", "");
    if (version > 1 && member(json, "weight_zero_point", "") != 0) fail("weight_zero_point", "is not 0");
    const Json& nodes = array(member(json, "nodes", ""), "nodes");
    for (std::size_t i = 0; i < nodes.size(); ++i) plan.nodes.push_back(node(nodes[i], at("nodes", i)));
    const Json& layers = array(member(json, "float_layers", ""), "float_layers");
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const std::string place = at("float_layers", i);
      plan.float_layers.push_back(
          {string(layers[i], "path", place), string(layers[i], "type", place), string(layers[i], "reason", place)});
    }
    return plan;
  }

 private:
  [[noreturn]] void fail(const std::string& place, const std::string& what) const {
    throw file_error(file_, "the metadata `quantization` is damaged: " + place + (place.empty() ? "it " : " ") + what);
  }

  static std::string at(const std::string& list, std::size_t i) { return list + "[" + std::to_string(i) + "]"; }
  static std::string join(const std::string& place, const std::string& key) {
    return place.empty() ? key : place + "." + key;
  }

  const Json& member(const Json& json, const std::string& key, const std::string& place) const {
    if (!json.is_object()) fail(place, "is no object");
    const auto found = json.find(key);
    if (found == json.end()) fail(join(place, key), "is missing");
    return *found;
  }

  const Json& array(const Json& json, const std::string& place) const {
    if (!json.is_array()) fail(place, "is no list");
    return json;
  }

  std::string string(const Json& json, const std::string& key, const std::string& place) const {
    const Json& value = member(json, key, place);
    if (!value.is_string()) fail(join(place, key), "is no text");
    return value.get<std::string>();
  }

  bool boolean(const Json& json, const std::string& key, const std::string& place) const {
    const Json& value = member(json, key, place);
    if (!value.is_boolean()) fail(join(place, key), "is neither true nor false");
    return value.get<bool>();
  }

  template <class Choices>
  std::string one_of(const Choices& choices, const Json& json, const std::string& key, const std::string& place) const {
    const std::string value = string(json, key, place);
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) fail(join(place, key), "is not known");
    return value;
  }

  Scale scale(const Json& json, const std::string& place) const {
    const bool pair = json.is_array() && json.size() == 2 && json[0].is_number() && json[1].is_number_integer();
    if (!pair) fail(place, "is no scale and zero point");
    const auto scale = json[0].get<double>();
    const bool zero_point = json[1].is_number_unsigned() && json[1].get<std::uint64_t>() <= 255;
    const auto narrow = static_cast<float>(scale);  // as kernels have it
    if (!(narrow > 0) || !std::isfinite(narrow) || !zero_point) fail(place, "is out of range");
    return {scale, json[1].get<std::int64_t>()};
  }

  std::int64_t calls(const Json& json, const std::string& place) const {
    const bool counts = json.is_number_unsigned() && json.get<std::uint64_t>() - 1 < kMostCalls;
    if (!counts) fail(place, "is no number of calls");
    return json.get<std::int64_t>();
  }

  Int8Node node(const Json& json, const std::string& place) const {
    Int8Node node;
    node.path = string(json, "path", place);
    node.op = one_of(kOps, json, "op", place);
    if (json.contains("activation")) node.activation = one_of(kActivations, json, "activation", place);
    if (json.contains("folded")) {
      for (const Json& path : array(json["folded"], join(place, "folded"))) {
        if (!path.is_string()) fail(join(place, "folded"), "has what is no text");
        node.folded.push_back(path.get<std::string>());
      }
    }
    if (json.contains("inputs")) {
      for (const Json& input : array(json["inputs"], join(place, "inputs"))) {
        node.inputs.push_back(scale(input, join(place, "inputs")));
      }
    }
    const bool scaled = node.op != "pass" && node.op != "linear_dynamic";
    if (scaled) node.output = scale(member(json, "output", place), join(place, "output"));
    if (json.contains("float_output")) node.float_output = boolean(json, "float_output", place);
    if (json.contains("calls")) node.calls = calls(json["calls"], join(place, "calls"));
    return node;
  }

  std::string file_;
};

}  // namespace

Json plan_json(const Int8Plan& plan) {
  Json json{{"version", kVersion},          {"method", plan.method},
            {"engine", plan.engine},        {"reduce_range", plan.reduce_range},
            {"weight_zero_point", 0},       {"nodes", Json::array()},
            {"float_layers", Json::array()}};
  for (const Int8Node& node : plan.nodes) json["nodes"].push_back(node_json(node));
  for (const FloatLayer& layer : plan.float_layers) {
    json["float_layers"].push_back({{"path", layer.path}, {"type", layer.type}, {"reason", layer.reason}});
  }
  return json;
}

Int8Plan parse_plan(const std::string& text, const std::string& file) { return PlanReader(file).plan(text); }

}  // namespace mlrun::quant
