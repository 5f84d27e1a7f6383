// Written by scripts/fixtures/published_weights.py from torchvision 0.14.1. Do not edit.
#include "models/published.h"

namespace mlrun::models {
namespace {

// clang-format off
constexpr const char* kVocCategories[] = {
    "__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
};
// clang-format on

}  // namespace

std::span<const char* const> voc_categories() { return kVocCategories; }

}  // namespace mlrun::models
