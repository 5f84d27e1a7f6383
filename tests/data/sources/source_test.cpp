#include "data/sources/source.h"

#include <algorithm>

#include <torch/types.h>

#include "data/sources/synthetic.h"
#include "support.h"

namespace mlrun::data {

TEST_CASE("splits have their names", "[data][source]") {
  REQUIRE(std::string(split_name(Split::Train)) == "train");
  REQUIRE(std::string(split_name(Split::Val)) == "val");
  REQUIRE(std::string(split_name(Split::Test)) == "test");
}

TEST_CASE("the sources of this build are registered", "[data][source]") {
  REQUIRE(sources().kind() == "source");
#ifdef MLRUN_WITH_OPENCV
  REQUIRE(sources().names() == std::vector<std::string>{"cifar10",
                                                        "cifar100",
                                                        "cityscapes",
                                                        "coco_panoptic",
                                                        "coco_segmentation",
                                                        "coco",
                                                        "csv",
                                                        "cvat",
                                                        "flat",
                                                        "idx",
                                                        "image_folder",
                                                        "labelme",
                                                        "instance_masks",
                                                        "segmentation_folder",
                                                        "synthetic_boxes",
                                                        "synthetic_instances",
                                                        "synthetic_shapes",
                                                        "synthetic",
                                                        "voc_segmentation",
                                                        "voc_detection",
                                                        "webdataset",
                                                        "yolo"});
#elif defined(MLRUN_WITH_JPEG)
  REQUIRE(sources().names() == std::vector<std::string>{"cifar10", "cifar100", "coco", "csv", "cvat", "flat", "idx",
                                                        "image_folder", "labelme", "synthetic_boxes",
                                                        "synthetic_instances", "synthetic_shapes", "synthetic",
                                                        "voc_detection", "webdataset", "yolo"});
#else
  REQUIRE(sources().names() == std::vector<std::string>{"cifar10", "cifar100", "idx", "synthetic_boxes",
                                                        "synthetic_instances", "synthetic_shapes", "synthetic"});
#endif
  for (const auto& entry : sources().entries()) REQUIRE_FALSE(entry.description.empty());
}

TEST_CASE("a source is made by name with its options", "[data][source]") {
  config::Component component = sources().defaults("synthetic");
  component.as<SyntheticOptions>().train_samples = 6;
  const auto data = sources().make(component, OpenRequest{});
  REQUIRE(data->split(Split::Train)->size() == 6);
  REQUIRE(test::user_error([] { sources().make(sources().defaults("idx"), OpenRequest{}); }) ==
          "data.root: is not set; name the folder that holds the data set");
}

TEST_CASE("a key draws the same numbers for a sample, its own for each", "[data][source]") {
  const SampleKey key{3, 1, 9};
  REQUIRE(key.random("crop").bits64() == SampleKey{3, 1, 9}.random("crop").bits64());
  for (const SampleKey& other : {SampleKey{4, 1, 9}, SampleKey{3, 2, 9}, SampleKey{3, 1, 8}}) {
    REQUIRE(key.random("crop").bits64() != other.random("crop").bits64());
  }
  REQUIRE(key.random("crop").bits64() != key.random("flip").bits64());
}

}  // namespace mlrun::data
