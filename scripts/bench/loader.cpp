// What an input pipeline loads: a preset's batches of the images in a folder of class folders, several times.
//
//     loader FOLDER eval|train|train-scaled WORKERS BATCH ROUNDS     one line a round: images per second
//     loader FOLDER dump FILE                                         evaluation's images as floats, in order

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "data/loader.h"
#include "data/read_samples.h"
#include "data/sources/source.h"
#include "data/transforms/transform.h"
#include "engine/block_cache.h"
#include "recipes/registry.h"

using namespace mlrun;

namespace {

/// What a task's source does: the images of another through a pipeline.
class Prepared : public data::Source {
 public:
  Prepared(std::shared_ptr<const data::Source> raw, const std::string& preset) : raw_(std::move(raw)) {
    data::TransformContext context;
    context.scaled_decoding = preset == "train-scaled";
    const std::string name = preset == "eval" ? "classification_eval" : "classification_train";
    const std::vector<config::Component> list = {recipes::transforms().defaults(name)};
    pipeline_ = std::make_unique<data::Pipeline>(recipes::transforms(), list, context, "preset");
  }

  std::int64_t size() const override { return raw_->size(); }
  data::Sample get(const data::SampleKey& key) const override {
    data::BatchMemory memory(1);
    return get_into(key, memory);
  }
  data::Sample get_into(const data::SampleKey& key, data::BatchMemory& memory) const override {
    data::EncodedSample encoded = raw_->encoded(key);
    encoded.sample.inputs.set("image", pipeline_->apply(std::move(encoded.image), key, memory));
    return std::move(encoded.sample);
  }

 private:
  std::shared_ptr<const data::Source> raw_;
  std::unique_ptr<data::Pipeline> pipeline_;
};

data::Batch make_batch(const data::Source& source, std::int64_t begin, std::int64_t end, std::int64_t epoch) {
  std::vector<data::SampleKey> keys;
  for (std::int64_t i = begin; i < end; ++i) keys.push_back({i, epoch, 0});
  std::vector<torch::Tensor> images, labels;
  for (const auto& sample : data::read_samples(source, keys, data::OnError::Fail).samples) {
    images.push_back(sample.inputs.tensor("image"));
    labels.push_back(sample.targets.tensor("label"));
  }
  data::Batch batch;
  batch.inputs.set("image", data::stack(images));
  batch.targets.set("label", torch::stack(labels));
  return batch;
}

double one_round(const data::Source& source, std::int64_t workers, std::int64_t size, std::int64_t epoch) {
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t total = source.size();
  data::Loader loader(0, (total + size - 1) / size,
                      [&](std::int64_t number) {
                        return make_batch(source, number * size, std::min(number * size + size, total), epoch);
                      },
                      {workers, 2});
  std::int64_t images = 0;
  while (const auto batch = loader.next()) images += batch->inputs.tensor("image").size(0);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return static_cast<double>(images) / seconds;
}

void dump(const data::Source& source, const std::string& file) {
  std::ofstream out(file, std::ios::binary);
  for (std::int64_t i = 0; i < source.size(); ++i) {
    const auto image = source.get({i, 0, 0}).inputs.tensor("image").contiguous();
    out.write(static_cast<const char*>(image.data_ptr()), static_cast<std::streamsize>(image.nbytes()));
  }
}

int run(int count, char** arguments) {
  if (count != 4 && count != 6) {
    std::fprintf(stderr, "usage: loader FOLDER eval|train|train-scaled WORKERS BATCH ROUNDS | FOLDER dump FILE\n");
    return 2;
  }
  config::SplitOptions all;
  all.train = 1.0;
  const auto dataset =
      data::sources().make(data::sources().defaults("image_folder"), data::OpenRequest{arguments[1], all, false});
  const bool dumps = std::strcmp(arguments[2], "dump") == 0;
  const Prepared source(dataset->split(data::Split::Train), dumps ? "eval" : arguments[2]);
  if (dumps) return dump(source, arguments[3]), 0;
  for (int round = 0; round < std::atoi(arguments[5]); ++round) {
    std::printf("%.1f\n", one_round(source, std::atoi(arguments[3]), std::atoi(arguments[4]), round));
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    engine::keep_freed_tensors();  // as the commands do
    at::set_num_threads(1);
    const torch::NoGradGuard no_grad;
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
