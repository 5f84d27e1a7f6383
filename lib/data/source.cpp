#include "data/source.h"

#include "data/idx.h"
#include "data/image_folder.h"
#include "data/synthetic.h"

namespace mlrun::data {

const char* split_name(Split split) {
  switch (split) {
    case Split::Train: return "train";
    case Split::Val: return "val";
    case Split::Test: break;
  }
  return "test";
}

const SourceFactory& sources() {
  static const SourceFactory factory = [] {
    SourceFactory list("source");
    list.add<IdxOptions>("idx", "MNIST-style idx files of grey images, plain or gzip", &open_idx);
#ifdef MLRUN_WITH_OPENCV
    list.add<config::NoOptions>(
        "image_folder", "one folder of images per class, or train, val and test of such folders", &open_image_folder);
#endif
    list.add<SyntheticOptions>("synthetic", "seeded patterns with noise, made on the fly", &open_synthetic);
    return list;
  }();
  return factory;
}

}  // namespace mlrun::data
