#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "deploy/bench/engines.h"
#include "deploy/bench/layers.h"
#include "deploy/bench/subject.h"
#include "engine/latency.h"

/// How fast models run, train and are fed here.
namespace mlrun::deploy {

struct BenchRequest {
  std::vector<std::int64_t> batches;  ///< images at a time; empty: 1, in training and loading the recipe's
  std::vector<std::int64_t> threads;  ///< compute threads; empty: what there is
  std::vector<std::int64_t> workers;  ///< loading threads; empty: what there is
  std::vector<std::string> precisions = {"fp32"};
  std::vector<std::string> engines = {"eager"};
  std::string memory_format = "auto";  ///< `contiguous`, `channels_last`, or `auto`: what is faster here
  std::string device = "auto";
  std::int64_t size = 0;  ///< height and width of the images; 0: the model's
  bool layers = false;    ///< times every layer too
  engine::LatencyOptions latency;
};

/// One measurement. What does not apply to its mode is empty or 0.
struct BenchRow {
  std::string mode, model, weights, device, precision, engine, memory_format;
  std::string isa;  ///< instruction sets of the processor that the libraries take
  std::int64_t batch = 0, threads = 0, workers = 0;
  std::int64_t height = 0, width = 0;  ///< of the images; `size` in what is printed
  std::int64_t params = 0;
  std::int64_t macs = 0;  ///< of one image, forward
  engine::Latency latency;
  double images_per_s = 0;
  double rss_mb = 0;   ///< MiB: the largest resident memory of the whole process while this row ran
  double gflops = 0;   ///< achieved, 10^9 per second: 2 for each multiply-add, 3 times as many in training
  double ceiling = 0;  ///< those of a float32 matrix product with as many threads; 0: not measured
  std::vector<LayerTime> layers;
};

using TellRow = std::function<void(const std::string& row)>;

/// UserErrors for what no row could be measured with: unknown engines and precisions; a warning where there are more
/// threads than processors, and for bf16 on a CPU that emulates it.
void check_request(const BenchRequest& request, const std::string& mode);

/// UserErrors for what cannot be measured of weights, named `name`, that only `engine` runs (`int8`, `mlrun onnx`;
/// empty: any does).
void check_own_engine(const std::string& name, const std::string& engine, const BenchRequest& request);

/// One row for each precision, engine, batch size and number of threads; `tell` hears of each before it is measured.
/// What cannot be run is told before the first.
std::vector<BenchRow> bench_inference(const BenchSubject& subject, const BenchRequest& request, const TellRow& tell);

/// The recipe's training step (forward, loss, backward, update) on its first batch, without loading: one row for each
/// precision, batch size and number of threads. `recipe_of` gives the recipe for a batch size, 0 being its own.
using RecipeOf = std::function<config::Resolved(std::int64_t batch)>;
std::vector<BenchRow> bench_training(const engine::TaskFactory& tasks, const RecipeOf& recipe_of,
                                     const BenchRequest& request, const TellRow& tell);

/// The recipe's loader alone, epoch after epoch: one row for each batch size and number of workers.
std::vector<BenchRow> bench_loading(const engine::TaskFactory& tasks, const RecipeOf& recipe_of,
                                    const BenchRequest& request, const TellRow& tell);

/// 10^9 floating-point operations per second of a float32 matrix product on `device` with as many threads as are set
/// now: the best of some, measured once for each `threads`.
double matrix_ceiling(const torch::Device& device, std::int64_t threads, double seconds);

/// `{"model","batch","threads","precision","engine","p50",...}`, times in milliseconds.
Json to_json(const BenchRow& row);

/// The rows as text, Markdown or CSV.
enum class TableForm { Text, Markdown, Csv };
/// What all rows have in common stands above the text and Markdown tables instead of in columns; CSV has every column.
/// `most` layers are shown of each row that has them (0: all).
std::string bench_text(const std::vector<BenchRow>& rows, TableForm form, std::size_t most);

}  // namespace mlrun::deploy
