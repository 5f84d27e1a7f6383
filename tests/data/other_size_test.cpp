#include "data/other_size.h"

#include <torch/types.h>

#include "engine/train/training.h"
#include "logged.h"

namespace mlrun::data {

TEST_CASE("an image of another size than training's is told once, where nothing resizes it", "[recipes]") {
  const auto told = [](const Json& augment, const Json& preprocess) {
    return test::logged([&] {
      warn_of_other_size(torch::zeros({3, 28, 28}), "same.png", augment, preprocess);
      warn_of_other_size(torch::zeros({3, 100, 90}), "a.png", augment, preprocess);
      warn_of_other_size(torch::zeros({3, 50, 50}), "b.png", augment, preprocess);
    });
  };
  const Json sized = {{"input_size", 28}}, unsized = Json::object();
  CHECK(told(sized, unsized) ==
        "warning a.png: comes to the model as 100x90 pixels; it was trained on 28x28, and data.preprocess brings "
        "images to "
        "no size (this is said once): bring them to it, or the answers mean little\n");
  CHECK(told({{"input_size", {100, 90}}}, unsized).find("warning same.png: comes to the model as 28x28 pixels") == 0);
  CHECK(told(sized, sized).empty());
  CHECK(told(unsized, unsized).empty());
}

#ifdef MLRUN_WITH_OPENCV
TEST_CASE("files are compared with the size that training crops to", "[recipes]") {
  const test::TempDir folder;
  const auto file = folder.write("x.ppm", "P6\n9 7\n255\n" + std::string(3 * 9 * 7, 'x'));
  const auto told = [&](const std::string& preprocess) {
    const auto resolved = test::tiny({"data.augment=[{name: random_crop, size: 8}]", preprocess});
    const auto task = recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
    return test::logged([&] { task->read(file); });
  };
  CHECK(told("data.preprocess=[]")
            .find(file.string() + ": comes to the model as 7x9 pixels; it was trained on "
                                  "8x8") != std::string::npos);
  CHECK(told("data.preprocess=[{name: resize, size: [8, 8]}]").empty());
}
#endif

}  // namespace mlrun::data
