#include <cmath>

#include "apps/run_mlrun.h"
#include "apps/tiny_run.h"
#include "base/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("`export` writes runs, files and architectures, and `inspect` shows them", "[apps]") {
  const TempDir folder;
  const TinyRun& tiny = tiny_run();
  const auto first = run_all(
      {{{"export", tiny.run, "-o", "run.pth", "--json"}, folder.path()},
       {{"export", "--model", "resnet18", "model.num_classes=10", "--seed", "3", "-o", "a.safetensors", "--json"},
        folder.path()},
       {{"export", "--model", "resnet18", "model.num_classes=10", "--seed", "3", "-o", "b.bin", "--format",
         "safetensors"},
        folder.path()}});
  const Json exported = result_of(first[0], "export", "ok");
  CHECK(exported.at("format") == "pth");
  CHECK(exported.at("file") == "run.pth");
  CHECK(result_of(first[1], "export", "ok").at("tensors") == 122);
  CHECK(first[2].code == 0);
  CHECK(read_file(folder / "a.safetensors") == read_file(folder / "b.bin"));

  const auto second = run_all({{{"export", "run.pth", "-o", "back.safetensors"}, folder.path()},
                               {{"inspect", "run.pth", "--json"}, folder.path()},
                               {{"inspect", tiny.run / "checkpoints/best", "--json"}, folder.path()},
                               {{"inspect", "run.pth"}, folder.path()}});
  CHECK(second[0].code == 0);
  const Json shown = result_of(second[1], "inspect", "ok");
  CHECK(shown.at("format") == "pth (zip)");
  CHECK(shown.at("tensors") == result_of(second[2], "inspect", "ok").at("tensors"));
  CHECK(contains(second[3].out, "run.pth: pth (zip), "));
  const Json back = result_of(mlrun({"inspect", "back.safetensors", "--json"}, folder.path()), "inspect", "ok");
  CHECK(back.at("tensors") == shown.at("tensors"));
}

TEST_CASE("`export` refuses what it cannot do", "[apps]") {
  const TempDir folder;
  folder.write("there.pth", "precious");
  const auto outcomes = run_all({{{"export", "--model", "small_cnn", "-o", "there.pth"}, folder.path()},
                                 {{"export", "--model", "small_cnn", "-o", "x.bin"}, folder.path()},
                                 {{"export", "--model", "small_cnn"}, folder.path()},
                                 {{"export", "-o", "x.pth"}, folder.path()},
                                 {{"export", "absent.pth", "-o", "x.pth"}, folder.path()},
                                 {{"export", "there.pth", "-o", "x.pth"}, folder.path()},
                                 {{"export", "there.pth", "model.num_classes=3", "-o", "x.pth"}, folder.path()},
                                 {{"export", "there.pth", "--model", "small_cnn", "-o", "x.pth"}, folder.path()},
                                 {{"export", "--model", "small_cnn", "model.width=0", "-o", "x.pth"}, folder.path()}});
  const std::vector<std::string> texts = {
      "there.pth: exists already; add --force",
      "x.bin: does not tell a format",
      "no output is named",
      "nothing is named",
      "absent.pth: does not exist",
      "there.pth: ",
      "'model.num_classes=3' sets an option, but a run or a file keeps the recipe it was made with; leave it out, "
      "or add --model NAME",
      "both there.pth and --model are named",
      "model.width"};
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    INFO(texts[i]);
    CHECK(contains(refusal(outcomes[i]), texts[i]));
  }
  CHECK(read_file(folder / "there.pth") == "precious");
  CHECK_FALSE(fs::exists(folder / "x.pth"));
  CHECK(mlrun({"export", "--model", "small_cnn", "-o", "there.pth", "--force"}, folder.path()).code == 0);
}

TEST_CASE("`export` refuses what a format does not have", "[apps]") {
  const TempDir folder;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"-o", "x.onnx", "--format", "nonsense"},
       "--format: there is no format 'nonsense'; choose safetensors, pth, torchscript or onnx"},
      {{"-o", "x.onnx", "--opset", "12"}, "--opset: ONNX files are written with opset 13 to 17, not 12"},
      {{"-o", "x.onnx", "--opset", "18"}, "--opset: ONNX files are written with opset 13 to 17, not 18"},
      {{"-o", "x.onnx", "--opset", "abc"}, "--opset: 'abc' is no whole number from 1 on"},
      {{"-o", "x.onnx", "--batch", "0"}, "--batch: '0' is no whole number from 1 on"},
      {{"-o", "x.onnx", "--batch", "many"}, "--batch: 'many' is no whole number from 1 on"},
      {{"-o", "x.onnx", "--size", "28x"}, "--size: '' is no whole number from 1 on"},
      {{"-o", "x.onnx", "--size", "99999"}, "--size: images have at most 16384 pixels a side"},
      {{"-o", "x.onnx", "--frozen"}, "--frozen is for torchscript, not for onnx"},
      {{"-o", "x.pth", "--opset", "13"}, "--opset is for onnx, not for pth"},
      {{"-o", "x.torchscript", "--batch", "2"}, "--batch is for onnx, not for torchscript"},
      {{"-o", "x.pth", "--with-preprocess"}, "--with-preprocess is for onnx and torchscript, not for pth"},
      {{"-o", "x.pth", "--raw-outputs"}, "--raw-outputs is for onnx and torchscript, not for pth"},
      {{"-o", "x.onnx", "--raw-outputs"}, "--raw-outputs is for detectors, and small_cnn is none"},
      {{"-o", "x.onnx", "--input-size", "30"}, "--input-size is the size of images before they are preprocessed"}};
  for (const auto& [options, text] : cases) {
    std::vector<std::string> words = {"export", "--model", "small_cnn"};
    words.insert(words.end(), options.begin(), options.end());
    INFO(text);
    CHECK(contains(refusal(mlrun(words, folder.path())), text));
  }
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("`export` writes ONNX where FILE ends so, preprocessing included if wanted", "[apps]") {
  const TempDir folder;
  const auto outcomes =
      run_all({{{"export", "--model", "small_cnn", "-o", "x.onnx", "--json"}, folder.path()},
               {{"export", tiny_run().run, "--with-preprocess", "--batch", "2", "--opset", "13", "-o", "y/y.onnx"},
                folder.path()}});
  const Json first = result_of(outcomes[0], "export", "ok");
  CHECK(first.at("format") == "onnx");
  CHECK(first.at("parity").at(0).at("engine") == "mlrun onnx");
  CHECK(first.at("parity").at(0).at("verdict") == "met");
  CHECK(contains(refusal(outcomes[1]), "y: is no folder"));
  fs::create_directory(folder / "y");
  const auto second =
      mlrun({"export", tiny_run().run, "--with-preprocess", "--batch", "2", "-o", "y/y.onnx", "--json"}, folder.path());
  CHECK(result_of(second, "export", "ok").at("parity").at(0).at("verdict") == "met");
  const Json input = Json::parse(read_file(folder / "y/y.onnx.preprocess.json")).at("input");
  CHECK(input.at("dtype") == "uint8");
  CHECK(input.at("layout") == "NHWC");
  CHECK(input.at("shape").at(0) == 2);
}

TEST_CASE("`export` writes int8 models as ONNX that scores the same", "[apps][quant]") {
  const TempDir folder;
  const TinyRun& tiny = tiny_run();
  REQUIRE(mlrun({"quantize", tiny.run, "--quiet", "-o", "int8.safetensors"}, folder.path()).code == 0);
  folder.write("image.ppm", ppm(16, 16, 7));
  const auto exported = mlrun({"export", "int8.safetensors", "-o", "int8.onnx", "--json"}, folder.path());
  CHECK(result_of(exported, "export", "ok").at("parity").at(0).at("mean_tolerance") == 0.03);
  const auto after = run_all({{{"eval", "int8.safetensors", "--json"}, folder.path()},
                              {{"eval", tiny.run, "--weights", "int8.onnx", "--json"}, folder.path()},
                              {{"inspect", "int8.onnx", "--json"}, folder.path()},
                              {{"predict", "int8.onnx", "image.ppm", "--json"}, folder.path()},
                              {{"export", "int8.safetensors", "-o", "x.onnx", "--opset", "18"}, folder.path()},
                              {{"export", "int8.safetensors", "-o", "/proc/x.onnx"}, folder.path()}});
  const Json int8 = result_of(after[0], "eval", "ok").at("metrics");
  const Json onnx = result_of(after[1], "eval", "ok").at("metrics");
  CHECK(std::abs(onnx.at("acc1").get<double>() - int8.at("acc1").get<double>()) < 2 * 100.0 / 23);
  const Json shown = result_of(after[2], "inspect", "ok");
  CHECK(shown.at("operators").at("DequantizeLinear") > shown.at("operators").at("QuantizeLinear"));
  const Json settings = Json::parse(shown.at("metadata").at("quantization").get<std::string>());
  CHECK(settings.at("method") == "ptq");
  CHECK(settings.at("float_layers").empty());
  CHECK(Json::parse(shown.at("metadata").at("data").get<std::string>()).contains("fingerprint"));
  CHECK(result_of(after[3], "predict", "ok").at("files").at(0).at("predictions").size() == 5);
  CHECK(contains(refusal(after[4]), "--opset: ONNX files are written with opset 13 to 17, not 18"));
  CHECK(contains(refusal(after[5]), "/proc"));
  // Two models live in one folder, each with its own beside it.
  CHECK(mlrun({"export", tiny.run, "-o", "float.onnx"}, folder.path()).code == 0);
  for (const char* model : {"int8.onnx", "float.onnx"}) {
    for (const char* beside : {".preprocess.json", ".golden.safetensors", ".classes.txt"}) {
      CHECK(fs::exists(folder / (std::string(model) + beside)));
    }
  }
  const auto refused = run_all({{{"bench", "int8.onnx", "--engine", "eager,graph"}, folder.path()},
                                {{"bench", tiny.run, "int8.safetensors", "--engine", "eager,graph"}, folder.path()},
                                {{"bench", "float.onnx", "--size", "32"}, folder.path()},
                                {{"bench", tiny.run, "float.onnx", "--seconds", "0.02", "--json"}, folder.path()}});
  CHECK(refusal(refused[0]) ==
        "error: --engine graph: int8.onnx is an ONNX file, which mlrun runs as it is; leave --engine out\n");
  CHECK(refusal(refused[1]) ==
        "error: --engine graph: int8.safetensors computes in int8, which that engine does not; choose eager or "
        "torchscript\n");
  CHECK(contains(refusal(refused[2]),
                 "float.onnx: takes images of 16x16 px alone, not of --size 32; leave --size out\n"));
  const Json rows = result_of(refused[3], "bench", "ok");
  CHECK(rows.at(0).at("size") == 16);
  CHECK(rows.at(1).at("size") == 16);
  CHECK(rows.at(1).at("engine") == "mlrun onnx");
}

TEST_CASE("`eval` takes weight files of other formats, with a recipe", "[apps]") {
  const TempDir folder;
  const TinyRun& tiny = tiny_run();
  REQUIRE(mlrun({"export", tiny.run, "-o", "w.pth"}, folder.path()).code == 0);
  const auto outcomes = run_all({{{"eval", tiny.run, "--json"}, folder.path()},
                                 {{"eval", tiny.recipe, "--weights", "w.pth", "--json"}, folder.path()},
                                 {{"eval", tiny.recipe, "model.weights=w.pth", "--json"}, folder.path()},
                                 {{"eval", tiny.recipe}, folder.path()}});
  const Json run = result_of(outcomes[0], "eval", "ok");
  for (const std::size_t i : {1U, 2U}) {
    const Json file = result_of(outcomes[i], "eval", "ok");
    CHECK(file.at("metrics") == run.at("metrics"));
    CHECK(file.at("weights") == "w.pth");
  }
  CHECK(contains(refusal(outcomes[3]), "is a recipe, and no weights are named"));
}

}  // namespace
}  // namespace mlrun::test
