// What a segmentation's evaluation of its val split gives: each image as floats and its mask as bytes, in order.
//
//     masks RECIPE FILE

#include <cstdio>
#include <fstream>

#include <torch/types.h>

#include "base/error.h"
#include "config/bind.h"
#include "engine/task.h"
#include "recipes/registry.h"

using namespace mlrun;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: masks RECIPE FILE\n");
    return 2;
  }
  try {
    const config::Resolved resolved = config::resolve({argv[1], {}}, recipes::catalogue());
    const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
    const auto source = task->evaluation_source(data::Split::Val);
    std::ofstream out(argv[2], std::ios::binary);
    for (std::int64_t i = 0; i < source->size(); ++i) {
      const data::Sample sample = source->get({i, 0, 0});
      for (const auto& tensor : {sample.inputs.tensor("image"), sample.targets.tensor("mask")}) {
        const torch::Tensor plain = tensor.contiguous();
        out.write(static_cast<const char*>(plain.data_ptr()), static_cast<std::streamsize>(plain.nbytes()));
      }
    }
    return out.flush() ? 0 : 1;
  } catch (const UserError& error) {
    std::fprintf(stderr, "masks: %s\n", error.what());
    return 2;
  }
}
