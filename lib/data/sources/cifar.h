#pragma once

#include <memory>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

/// Opens CIFAR-10's binary version: `data_batch_1.bin` .. `data_batch_5.bin` and `test_batch.bin` in
/// `request.root` or in `cifar-10-batches-bin` below it; names of classes from `batches.meta.txt` where
/// it is there. Shares divide the training images. Images are uint8 [32, 32, 3], held in memory; a
/// sample's id is its position among the training or test images.
std::shared_ptr<const Dataset> open_cifar10(const config::NoOptions& options, const OpenRequest& request);

struct Cifar100Options {
  std::string labels = "fine";
  static void declare(config::Declare<Cifar100Options>& d);
};

/// Opens CIFAR-100's binary version: `train.bin` and `test.bin` in `request.root` or in
/// `cifar-100-binary` below it, with 100 fine or 20 coarse labels; otherwise as `open_cifar10`.
std::shared_ptr<const Dataset> open_cifar100(const Cifar100Options& options, const OpenRequest& request);

}  // namespace mlrun::data
