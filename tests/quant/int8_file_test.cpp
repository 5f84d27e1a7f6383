#include <filesystem>
#include <functional>
#include <random>

#include "base/files.h"
#include "catch.h"
#include "models/parity.h"
#include "quant/calibrate.h"
#include "quant/engine.h"
#include "quant/int8_file.h"
#include "support.h"

using namespace mlrun;

namespace {

torch::Tensor images(int64_t count, int64_t channels = 3, int64_t size = 32) {
  torch::manual_seed(5);
  return torch::rand({count, channels, size, size});
}

quant::QuantizeOptions options_here() {
  quant::QuantizeOptions options;
  options.engine = quant::choose_engine("auto");
  options.reduce_range = true;
  options.observer = "min_max";
  return options;
}

std::shared_ptr<nn::Layer> drawn(const std::string& name, const models::ModelRequest& request = {}) {
  auto model = test::make_model(name, Json::object(), request);
  nn::initialise(*model, 0);
  model->eval();
  return model;
}

quant::Int8Plan quantized(nn::Layer& model, const torch::Tensor& batch, const std::vector<std::string>& skip = {}) {
  auto options = options_here();
  options.skip = skip;
  quant::Calibrator calibrator(model, {batch}, options);
  calibrator.observe({batch});
  return calibrator.plan();
}

torch::Tensor run(nn::Layer& model, const torch::Tensor& batch) {
  const torch::NoGradGuard no_gradients;
  return model(batch.clone());
}

/// The file of a small model.
std::filesystem::path small_file(const test::TempDir& folder) {
  const auto model = drawn("small_cnn", {10, 1});
  quant::write_int8(folder / "m.safetensors", {{"model", *model, quantized(*model, images(4, 1, 28))}},
                    {{"recipe", "{}"}});
  return folder / "m.safetensors";
}

std::string install_error(const std::filesystem::path& file, const std::string& model = "small_cnn",
                          const models::ModelRequest& request = {10, 1}) {
  const auto target = test::make_model(model, Json::object(), request);
  return test::user_error([&] { quant::install_int8(file, {{"model", target}}); });
}

/// The file again, changed.
std::filesystem::path changed(const std::filesystem::path& file, const std::function<void(Json&)>& change,
                              const std::function<void(weights::NamedTensors&)>& tensors = {}) {
  auto content = weights::read_safetensors(file);
  Json json = Json::parse(content.metadata.at("quantization"));
  if (change) change(json);
  if (tensors) tensors(content.tensors);
  content.metadata["quantization"] = json.dump();
  const auto other = file.parent_path() / "changed.safetensors";
  weights::write_safetensors(other, content.tensors, content.metadata);
  return other;
}

}  // namespace

TEST_CASE("an int8 file gives the model that it was written from, to the bit", "[quant][int8]") {
  const test::TempDir folder;
  const auto [name, skip] = GENERATE(table<std::string, std::vector<std::string>>({
      {"mobilenet_v3_small", {}},
      {"mobilenet_v3_small", {"features.1", "classifier.*"}},
      {"shufflenet_v2_x0_5", {"conv5.0"}},
      {"squeezenet1_1", {}},
      {"efficientnet_b0", {}},
      {"densenet121", {}},
  }));
  INFO(name);
  const auto model = drawn(name);
  const auto batch = images(2, 3, 64);
  const auto plan = quantized(*model, batch, skip);
  for (const auto& layer : plan.float_layers) CHECK((!layer.reason.empty() && !layer.path.empty()));
  quant::write_int8(folder / "m.safetensors", {{"model", *model, plan}}, {{"recipe", "{}"}});
  CHECK(quant::is_int8(folder / "m.safetensors"));
  const auto expected = run(*model, batch);
  quant::attach_int8(*model, plan, "m");
  const auto outputs = run(*model, batch);
  CHECK_FALSE(outputs.isnan().any().item<bool>());
  CHECK_FALSE(outputs.equal(expected));
  const auto other = test::make_model(name);
  other->eval();
  quant::install_int8(folder / "m.safetensors", {{"model", other}});
  CHECK(run(*other, batch).equal(outputs));
  CHECK(quant::read_int8(folder / "m.safetensors").metadata.at("recipe") == "{}");
  // A float layer that is called for would give NaN: what int8 replaces is gone.
  quant::write_int8(folder / "again.safetensors", {{"model", *other, quant::int8_runner(*other)->plan()}},
                    {{"recipe", "{}"}});
  CHECK(read_file(folder / "again.safetensors") == read_file(folder / "m.safetensors"));
}

TEST_CASE("an int8 file has a quarter of the size", "[quant][int8]") {
  const test::TempDir folder;
  const auto model = drawn("mobilenet_v3_large");
  quant::write_int8(folder / "int8.safetensors", {{"model", *model, quantized(*model, images(2, 3, 64))}}, {});
  weights::write_safetensors(folder / "float.safetensors", nn::state_dict(*model));
  const auto size = [&](const char* name) { return static_cast<double>(std::filesystem::file_size(folder / name)); };
  CHECK(size("int8.safetensors") <= 0.27 * size("float.safetensors"));
}

TEST_CASE("dynamic quantization takes linear layers alone", "[quant][int8]") {
  const test::TempDir folder;
  const auto model = drawn("small_cnn", {10, 1});
  auto options = options_here();
  options.weights = "per_tensor";
  const auto batch = images(4, 1, 28);
  const auto plan = quant::quantize_dynamic(*model, {batch}, options);
  REQUIRE(plan.nodes.size() == 1);
  const auto& node = plan.nodes.front();
  CHECK((node.path == "fc" && node.op == "linear_dynamic"));
  const double largest = model->named_parameters()["fc.weight"].abs().max().item<double>();
  CHECK(node.weight_scale.item<double>() == Approx(largest / 127.5));  // torch.ao's default_weight_observer
  CHECK(plan.float_layers.size() == 10);                               // convolutions and norms
  const auto expected = run(*model, batch);
  quant::write_int8(folder / "m.safetensors", {{"model", *model, plan}}, {});
  const auto other = test::make_model("small_cnn", Json::object(), {10, 1});
  other->eval();
  quant::install_int8(folder / "m.safetensors", {{"model", other}});
  const auto outputs = run(*other, batch);
  CHECK_FALSE(outputs.equal(expected));
  CHECK((outputs - expected).norm().item<double>() < 0.05 * expected.norm().item<double>());
}

TEST_CASE("int8 weights of another model are refused", "[quant][int8]") {
  const test::TempDir folder;
  const auto file = small_file(folder);
  CHECK(install_error(file, "resnet18", {10, 3}) ==
        file.string() + ": this model has no layer stage1.conv; these int8 weights are of another model");
  CHECK(install_error(file, "small_cnn", {7, 1}) ==
        file.string() + ": fc.weight has another shape in this model; these int8 weights are of another model");
  weights::write_safetensors(folder / "float.safetensors", {{"w", torch::ones(3)}}, {});
  CHECK(install_error(folder / "float.safetensors") ==
        (folder / "float.safetensors").string() + ": has no int8 weights; `mlrun quantize` makes them");
  CHECK_FALSE(quant::is_int8(folder / "float.safetensors"));
}

TEST_CASE("every damaged field of an int8 file is told in one line", "[quant][int8]") {
  const test::TempDir folder;
  const auto file = small_file(folder);
  const Json whole = Json::parse(weights::read_safetensors_header(file).metadata.at("quantization"));
  const Json wrong[] = {nullptr, "x", -1, 1e300, Json::array(), Json::object(), Json::array({0, 0}), true};
  int refused = 0;
  const auto try_all = [&](const Json::json_pointer& place) {
    const auto absent = [&](Json& json) { json.at(place.parent_pointer()).erase(place.back()); };
    if (whole.at(place.parent_pointer()).is_object() && place.back() != "folded" && place.back() != "activation" &&
        place.back() != "inputs" && place.back() != "float_output") {
      CHECK(install_error(changed(file, absent)).find('\n') == std::string::npos);
    }
    for (const Json& value : wrong) {
      if (value.type() == whole.at(place).type() && !value.is_array()) continue;
      INFO(place.to_string() << " = " << value);
      const auto other = changed(file, [&](Json& json) { json[place] = value; });
      const auto target = drawn("small_cnn", {10, 1});
      bool installed = true;
      try {
        quant::install_int8(other, {{"model", target}});
      } catch (const UserError& error) {
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
        ++refused;
        installed = false;
      }
      if (installed) CHECK_NOTHROW(run(*target, images(1, 1, 28)));
    }
  };
  for (const auto& item : whole.items()) try_all(Json::json_pointer("/" + item.key()));
  for (const auto& item : whole.at("nodes")[0].items()) try_all(Json::json_pointer("/nodes/0/" + item.key()));
  CHECK(refused > 60);
  CHECK(install_error(changed(file, [](Json& json) { json["nodes"][0]["output"][0] = 0.0; })) ==
        (folder / "changed.safetensors").string() +
            ": the metadata `quantization` is damaged: nodes[0].output is out of range");
}

TEST_CASE("an int8 file with other characters is refused, or runs", "[quant][int8]") {
  const test::TempDir folder;
  const auto file = small_file(folder);
  const auto content = weights::read_safetensors(file);
  const std::string& text = content.metadata.at("quantization");
  std::mt19937 random(0);
  int refused = 0, ran = 0;
  for (int i = 0; i < 400; ++i) {
    std::string damaged = text;
    const std::string characters = "0123456789-.e\",:[]{}";
    for (unsigned change = 0; change <= random() % 3; ++change) {
      const std::size_t place = random() % damaged.size();
      if (random() % 4 == 0) damaged.erase(place, 1 + random() % 8);
      else damaged[place] = characters[random() % characters.size()];
    }
    auto metadata = content.metadata;
    metadata["quantization"] = damaged;
    weights::write_safetensors(folder / "other.safetensors", content.tensors, metadata);
    const auto target = drawn("small_cnn", {10, 1});
    INFO(damaged);
    try {
      quant::install_int8(folder / "other.safetensors", {{"model", target}});
      CHECK(run(*target, images(1, 1, 28)).sizes() == torch::IntArrayRef({1, 10}));
      ++ran;
    } catch (const UserError& error) {
      CHECK(std::string(error.what()).find('\n') == std::string::npos);
      ++refused;
    }
  }
  CHECK(refused > 100);
  CHECK(ran > 10);
}

TEST_CASE("damaged tensors of an int8 file are refused", "[quant][int8]") {
  const test::TempDir folder;
  const auto file = small_file(folder);
  const auto with = [&](const std::string& name, const torch::Tensor& tensor) {
    return install_error(changed(file, {}, [&](weights::NamedTensors& tensors) {
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (tensors[i].first != name) continue;
        if (tensor.defined()) tensors[i].second = tensor;
        else tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(i));
        return;
      }
      FAIL("no tensor " + name);
    }));
  };
  const std::string start = (folder / "changed.safetensors").string() + ": ";
  CHECK(with("fc.weight", {}) == start + "has no fc.weight");
  CHECK(with("fc.weight", torch::ones({10, 128})) == start + "fc.weight is Float, not Char");
  CHECK(with("fc.weight_scale", torch::zeros({10})) == start + "fc.weight_scale has values that are no scale");
  CHECK(with("fc.weight_scale", torch::full({10}, NAN)) == start + "fc.weight_scale has values that are no scale");
  CHECK(with("fc.weight_scale", torch::ones({3})) ==
        start + "fc.weight_scale has another shape in this model; these int8 weights are of another model");
  CHECK(with("fc.weight_scale", torch::ones({2, 5})) == start + "fc.weight_scale has a wrong shape");
  CHECK(with("fc.bias", torch::full({10}, INFINITY)) == start + "fc.bias has values that are not finite");
  CHECK(with("fc.bias", torch::ones({3})) ==
        start + "fc.bias has another shape in this model; these int8 weights are of another model");
  CHECK(with("stage1.norm.running_mean", {}) ==
        start + "has no stage1.norm.running_mean; these int8 weights are of another model");
  CHECK(with("stage1.norm.running_mean", torch::full({32}, NAN))
            .find(start + "stage1.norm.running_mean: holds numbers that are not finite") == 0);
}

TEST_CASE("an int8 file of version 1, with zero points as tensors, is read", "[quant][int8]") {
  const test::TempDir folder;
  const auto file = small_file(folder);
  const auto older = [&](std::int64_t zero_point) {
    const auto to_version_1 = [](Json& json) {
      json["version"] = 1;
      json.erase("weight_zero_point");
    };
    return changed(file, to_version_1, [&](weights::NamedTensors& tensors) {
      tensors.emplace_back("fc.weight_zero_point", torch::full({10}, zero_point, torch::kChar));
    });
  };
  const auto now = drawn("small_cnn", {10, 1}), before = drawn("small_cnn", {10, 1});
  quant::install_int8(file, {{"model", now}});
  quant::install_int8(older(0), {{"model", before}});
  CHECK(torch::equal(run(*before, images(2, 1, 28)), run(*now, images(2, 1, 28))));
  CHECK(install_error(older(1)) ==
        (folder / "changed.safetensors").string() + ": fc.weight_zero_point is not 0, which int8 kernels need");
  CHECK(install_error(changed(file, [](Json& json) { json["weight_zero_point"] = 3; })) ==
        (folder / "changed.safetensors").string() +
            ": the metadata `quantization` is damaged: weight_zero_point is not 0");
}

TEST_CASE("calibration needs samples that differ", "[quant][int8]") {
  const auto model = drawn("small_cnn", {10, 1});
  quant::Calibrator none(*model, {images(1, 1, 28)}, options_here());
  CHECK(test::user_error([&] { none.plan(); }) ==
        "calibration: there are no samples; quantize.samples must be at least 1");
  quant::Calibrator same(*model, {images(1, 1, 28)}, options_here());
  same.observe({torch::full({2, 1, 28, 28}, 0.25)});
  CHECK(test::user_error([&] { same.plan(); }) ==
        "calibration: all values of all samples are the same; look at the data: `mlrun inspect` does");
  auto options = options_here();
  options.skip = {"stage1.convv"};
  CHECK(test::user_error([&] { quant::Calibrator(*model, {images(1, 1, 28)}, options); }) ==
        "quantize.skip: no layer is called stage1.convv; did you mean stage1.conv, stage2.conv, stage3.conv?");
  CHECK(test::user_error([] { quant::choose_engine("tpu"); }).find("this machine has no int8 engine tpu; it has: ") ==
        0);
}
