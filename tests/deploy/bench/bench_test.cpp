#include "deploy/bench/bench.h"

#include <set>

#include "base/affinity.h"
#include "catch.h"
#include "engine/compute_threads.h"
#include "engine/train/training.h"
#include "nn/profile.h"

using namespace mlrun;
using namespace mlrun::deploy;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::user_error;

namespace {

BenchSubject tiny_subject() { return bench_subject("small_cnn", {{"model.num_classes", "3"}}, 16); }

BenchRequest quick_request() {
  BenchRequest request;
  request.threads = {1};
  request.size = 16;
  request.memory_format = "contiguous";
  request.latency.seconds = 0.01;
  return request;
}

void nobody(const std::string&) {}

/// A recipe of a moment, at this batch size (0: its own).
config::Resolved tiny_recipe(std::int64_t batch) {
  config::Resolved resolved = test::resolve_text(R"(task: classification
model: {name: small_cnn, width: 4}
data: {format: synthetic, train_samples: 12, num_classes: 3, height: 16, width: 16, augment: [normalize], preprocess: [normalize]}
train: {batch_size: 6, device: cpu}
optimizer: {name: adamw, lr: 0.1}
)");
  if (batch > 0) resolved.recipe.train.batch_size = batch;
  return resolved;
}

}  // namespace

TEST_CASE("inference has a row for each setting, with figures that fit together", "[deploy][bench]") {
  const BenchSubject subject = tiny_subject();
  BenchRequest request = quick_request();
  request.batches = {1, 3};
  request.engines = {"eager", "torchscript"};
  std::vector<std::string> told;
  const auto rows = bench_inference(subject, request, [&told](const std::string& row) { told.push_back(row); });
  REQUIRE(rows.size() == 4);
  CHECK(told.size() == 4);
  CHECK(told[3] == "small_cnn, batch 3, 1 thread(s), fp32, torchscript");
  const nn::Profile profile = nn::profile(*subject.model, {1, subject.channels, 16, 16});
  for (const auto& row : rows) {
    CHECK(row.params == profile.params);
    CHECK(row.macs == profile.macs);
    CHECK(row.latency.p50 > 0);
    CHECK(row.latency.p50 <= row.latency.p90);
    CHECK(row.latency.p90 <= row.latency.p99);
    CHECK(row.images_per_s == Approx(static_cast<double>(row.batch) * 1000 / row.latency.p50));
    CHECK(row.gflops == Approx(2e-6 * static_cast<double>(row.macs * row.batch) / row.latency.p50));
    CHECK(row.ceiling > 0);
    CHECK(row.rss_mb > 10);
    const Json json = to_json(row);
    for (const char* key : {"model", "batch", "threads", "precision", "engine", "p50", "p90", "p99", "images_per_s",
                            "rss_mb", "params", "macs", "gflops"}) {
      INFO(key);
      CHECK(json.contains(key));
      CHECK_FALSE(json.at(key).is_null());
    }
  }
}

TEST_CASE("a model is after its measurement what it was before", "[deploy][bench]") {
  const BenchSubject subject = tiny_subject();
  std::vector<torch::Tensor> before;
  for (const auto& tensor : tensor_data(*subject.model)) before.push_back(tensor.clone());
  BenchRequest request = quick_request();
  request.memory_format = GENERATE(as<std::string>(), "auto", "channels_last");
  request.precisions = {"bf16", "fp32"};
  request.engines = {"eager", "torchscript"};
  const auto rows = bench_inference(subject, request, nobody);
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].precision == "bf16");
  CHECK((request.memory_format == "auto" || rows[0].memory_format == "channels_last"));
  const auto after = tensor_data(*subject.model);
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    CHECK(after[i].dtype() == before[i].dtype());
    CHECK(after[i].strides() == before[i].strides());
    CHECK(torch::equal(after[i], before[i]));
  }
}

TEST_CASE("every engine computes what the model computes", "[deploy][bench]") {
  const BenchSubject subject = tiny_subject();
  const torch::NoGradGuard no_gradients;
  const BenchModel model{subject.model, {torch::randn({2, subject.channels, 16, 16})}};
  const torch::Tensor expected = (*subject.model)(model.inputs.front());
  for (const auto& engine : bench_engines()) {
    INFO(engine.name);
    const Runner runner = engine.make(model);
    for (int run = 0; run < 3; ++run) CHECK(torch::allclose(runner(model.inputs).front(), expected, 1e-4, 1e-5));
  }
  const TensorsKept kept(subject.model);
  const BenchModel half = bench_precision("bf16").prepare(model);
  CHECK(half.inputs.front().dtype() == torch::kBFloat16);
  const torch::Tensor found = bench_engine("eager").make(half)(half.inputs).front();
  CHECK(found.dtype() == torch::kBFloat16);
  CHECK(torch::allclose(found.to(torch::kFloat), expected, 0.1, 0.1));
}

TEST_CASE("layers' own times and multiply-adds add up", "[deploy][bench]") {
  const BenchSubject subject = tiny_subject();
  BenchRequest request = quick_request();
  request.layers = true;
  request.batches = {2};
  const auto rows = bench_inference(subject, request, nobody);
  REQUIRE(rows.size() == 1);
  const nn::Profile profile = nn::profile(*subject.model, {2, subject.channels, 16, 16});
  REQUIRE(rows[0].layers.size() == profile.layers.size());
  std::int64_t macs = 0;
  for (std::size_t i = 0; i < profile.layers.size(); ++i) {
    CHECK(rows[0].layers[i].path == profile.layers[i].path);
    CHECK(rows[0].layers[i].output == profile.layers[i].output);
    CHECK(rows[0].layers[i].ms >= 0);
    macs += rows[0].layers[i].macs;
  }
  CHECK(macs == 2 * rows[0].macs);
  CHECK(layer_table(rows[0].layers, 3).rows() == 3);
  CHECK(layer_table(rows[0].layers, 0).rows() == profile.layers.size());
  const std::string text = bench_text(rows, TableForm::Text, 3);
  CHECK_THAT(text, ContainsSubstring("the 3 slowest of " + std::to_string(profile.layers.size()) + " layers"));
  CHECK(to_json(rows[0]).at("layers").size() == profile.layers.size());
}

TEST_CASE("layer tables put the slowest first, with shares of all", "[deploy][bench]") {
  const std::vector<LayerTime> layers = {
      {"stem", "Conv2d", {1, 8, 4, 4}, 1, 2000000}, {"act", "ReLU", {1, 8, 4, 4}, 3, 0}, {"", "Net", {1, 3}, 0, 0}};
  CHECK(layer_table(layers, 2).text() ==
        "layer  type    output      ms   share  MACs  GFLOP/s\n"
        "-----  ------  -------  -----  ------  ----  -------\n"
        "act    ReLU    1x8x4x4  3.000  75.0 %     -        -\n"
        "stem   Conv2d  1x8x4x4  1.000  25.0 %  2.0M      4.0\n");
  CHECK(layer_table(layers, 0).rows() == 3);
  CHECK_THAT(layer_sum_text(layers, 0, 3.5),
             ContainsSubstring("3 layers; all of them take 4.000 ms") && ContainsSubstring("takes 3.500 ms"));
}

TEST_CASE("training does the recipe's step and leaves its weights", "[deploy][bench]") {
  BenchRequest request = quick_request();
  request.size = 0;
  request.batches = {0, 4};
  const auto rows = bench_training(recipes::tasks(), tiny_recipe, request, nobody);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].batch == 6);
  CHECK(rows[1].batch == 4);
  CHECK(rows[0].height == 16);
  CHECK(rows[0].memory_format == "contiguous");
  CHECK(rows[0].gflops == Approx(6e-6 * static_cast<double>(rows[0].macs * 6) / rows[0].latency.p50));
  const auto named = [](std::int64_t batch) {
    return bench_recipe(recipes::tasks(), recipes::catalogue(), "small_cnn", {}, batch, 12);
  };
  request.batches = {2};
  const auto alone = bench_training(recipes::tasks(), named, request, nobody);
  REQUIRE(alone.size() == 1);
  CHECK(alone[0].model == "small_cnn");
  CHECK(alone[0].height == 12);
  CHECK(alone[0].batch == 2);
}

TEST_CASE("loading goes round the epochs", "[deploy][bench]") {
  BenchRequest request = quick_request();
  request.workers = {0, 1};
  const auto rows = bench_loading(recipes::tasks(), tiny_recipe, request, nobody);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].latency.iterations >= 5);  // an epoch has 2 batches
  CHECK(rows[0].images_per_s == Approx(6000 / rows[0].latency.mean));
  CHECK(rows[1].workers == 1);
  CHECK(rows[1].gflops == 0);
  CHECK(to_json(rows[1]).at("gflops").is_null());
  CHECK_THAT(bench_text(rows, TableForm::Text, 0), !ContainsSubstring("GFLOP/s"));
}

TEST_CASE("what cannot be measured is told in one line", "[deploy][bench]") {
  BenchRequest request = quick_request();
  request.precisions = {"fp23"};
  CHECK(user_error([&] { check_request(request, "infer"); }) == "--precision: there is no 'fp23'; did you mean fp32?");
  request.precisions = {"fp32"};
  request.engines = {"tensorrt"};
  CHECK_THAT(user_error([&] { check_request(request, "infer"); }),
             ContainsSubstring("--engine: there is no 'tensorrt'; choose eager"));
  request.engines = {"torchscript"};
  CHECK_THAT(user_error([&] { check_request(request, "train"); }), ContainsSubstring("is for inference"));
  request.layers = true;
  CHECK_THAT(user_error([&] { check_request(request, "infer"); }), ContainsSubstring("use --engine eager"));
  request.engines = {"eager"};
  CHECK_THAT(user_error([&] { check_request(request, "load"); }), ContainsSubstring("--layers is for --mode infer"));
  request = quick_request();
  request.engines = {"eager", "graph"};
  request.precisions = {"fp32", "bf16"};
  CHECK(user_error([&] { check_request(request, "infer"); }) ==
        "--engine graph computes in float32, and --precision asks for bf16; leave one of them out");
  request.precisions = {"fp32"};
  request.device = "cuda:0";
  CHECK(user_error([&] { check_request(request, "infer"); }) ==
        "--engine graph computes on the CPU, not on --device cuda:0; leave one of them out");
  CHECK(user_error([&] { check_size("squeezenet1_1", {}, 4); }).find("squeezenet1_1 takes no images of 4 px") == 0);
  request = quick_request();
  request.size = 8;
  const BenchSubject large = bench_subject("squeezenet1_1", {}, 8);
  CHECK_THAT(user_error([&] { bench_inference(large, request, nobody); }),
             ContainsSubstring("squeezenet1_1 takes no images of 8 px") && ContainsSubstring("choose another --size"));
  request.device = "cuda:77";
  CHECK_THAT(user_error([&] { bench_inference(large, request, nobody); }), ContainsSubstring("is not there"));
}

TEST_CASE("what all rows share stands above the table, and CSV has everything", "[deploy][bench]") {
  BenchRow row;
  row.mode = "infer";
  row.model = "net";
  row.device = "cpu";
  row.precision = "fp32";
  row.engine = "eager";
  row.memory_format = "contiguous";
  row.batch = 1;
  row.height = row.width = 32;
  row.threads = 2;
  row.params = 1500;
  row.macs = 2000000;
  row.latency = {4, 5, 6, 4.1, 0.015, 0, 100, 15, true};
  row.images_per_s = 250;
  row.rss_mb = 200.4;
  row.gflops = 1;
  row.ceiling = 10;
  BenchRow other = row;
  other.threads = 1;
  other.latency.steady = false;
  other.ceiling = 5;
  CHECK(bench_text({row, other}, TableForm::Text, 0) ==
        "mode infer, cpu, 32 px, batch 1, fp32, eager, contiguous\n"
        "ceiling (a float32 matrix product): 5.0 GFLOP/s with 1 thread, 10.0 GFLOP/s with 2 threads\n"
        "\n"
        "model  threads  params  MACs  p50 ms  p90  p99   noise  images/s  RSS MiB  GFLOP/s  of ceiling\n"
        "-----  -------  ------  ----  ------  ---  ---  ------  --------  -------  -------  ----------\n"
        "net          2    1.5k  2.0M       4    5    6  ±1.5 %     250.0      200      1.0        10 %\n"
        "net          1    1.5k  2.0M       4    5    6  ±1.5 %     250.0      200      1.0        20 %\n"
        "\n"
        "Times did not become steady (a busy machine, or too few --seconds): net, batch 1, 1 thread, fp32\n");
  CHECK_THAT(bench_text({row}, TableForm::Markdown, 0), ContainsSubstring("\n\n| model"));
  const std::string csv = bench_text({row, other}, TableForm::Csv, 0);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
  CHECK_THAT(csv, ContainsSubstring("ceiling_gflops") && ContainsSubstring("memory_format"));
}

TEST_CASE("compute threads are set and kept on as many processors", "[deploy][bench]") {
  const int before = at::get_num_threads();
  const auto processors = usable_processors();
  {
    const engine::ComputeThreads one(1);
    CHECK(at::get_num_threads() == 1);
    CHECK(usable_processors().size() == 1);
  }
  CHECK(at::get_num_threads() == before);
  CHECK(usable_processors() == processors);
}
