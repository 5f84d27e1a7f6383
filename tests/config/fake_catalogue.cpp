#include "fake_catalogue.h"

namespace mlrun::test {
namespace {

using config::Declare;
using config::NoOptions;
using config::Span;

/// A registry that makes nothing.
class FakeRegistry : public config::Registry {
 public:
  using Registry::Registry;

  template <class Options>
  FakeRegistry& add(std::string name, std::string description, Json facts = nullptr) {
    insert({std::move(name), std::move(description), config::spec_of<Options>(), std::move(facts)});
    return *this;
  }
};

struct ClassificationOptions {
  double label_smoothing = 0;
  static void declare(Declare<ClassificationOptions>& d) {
    d("label_smoothing", &ClassificationOptions::label_smoothing, "share of the target given to all classes")
        .min(0)
        .below(1);
  }
};

struct MobileNetOptions {
  std::optional<std::string> variant;
  double dropout = 0.2;
  static void declare(Declare<MobileNetOptions>& d) {
    d("variant", &MobileNetOptions::variant, "published weights, as IMAGENET1K_V1");
    d("dropout", &MobileNetOptions::dropout, "share of activations dropped before the last layer").min(0).max(1);
  }
};

struct SyntheticOptions {
  std::int64_t samples = 1000;
  std::int64_t size = 32;
  static void declare(Declare<SyntheticOptions>& d) {
    d("samples", &SyntheticOptions::samples, "number of samples").min(1);
    d("size", &SyntheticOptions::size, "height and width").min(1).max(4096).unit("pixels");
  }
};

struct StepOptions {
  std::int64_t step_size = 30;
  double gamma = 0.1;
  static void declare(Declare<StepOptions>& d) {
    d("step_size", &StepOptions::step_size, "between two falls").min(1);
    d("gamma", &StepOptions::gamma, "factor of each fall").above(0).max(1);
  }
};

struct CosineOptions {
  double eta_min = 0;
  std::vector<Span> restarts;
  static void declare(Declare<CosineOptions>& d) {
    d("eta_min", &CosineOptions::eta_min, "rate at the end").min(0);
    d("restarts", &CosineOptions::restarts, "where it starts anew");
  }
};

config::Catalogue make_catalogue() {
  static FakeRegistry tasks("task"), models("model"), sources("source"), transforms("transform"), samplers("sampler"),
      batchings("batching"), optimizers("optimizer"), schedules("schedule"), averagings("averaging");
  tasks.add<ClassificationOptions>("classification", "One label for each image.");
  models.add<ResnetOptions>("resnet18", "ResNet-18")
      .add<ResnetOptions>("resnet50", "ResNet-50")
      .add<MobileNetOptions>("mobilenet_v3_large", "MobileNetV3-Large")
      .add<NoOptions>("small_cnn", "three convolutions | for tests")
      .add<NoOptions>("fcn", "a segmenter", Json{{"task", "segmentation"}})
      .add<NoOptions>("many", "for two tasks", Json{{"task", {"detection", "classification"}}})
      .add<NoOptions>("pair", "for two others", Json{{"task", {"detection", "segmentation"}}});
  sources.add<NoOptions>("idx", "MNIST's format")
      .add<ImageFolderOptions>("image_folder", "one folder per class")
      .add<SyntheticOptions>("synthetic", "seeded noise");
  samplers.add<NoOptions>("shuffle", "in any order");
  batchings.add<NoOptions>("in_order", "as they come");
  transforms.add<ResizeOptions>("resize", "to a size")
      .add<NormalizeOptions>("normalize", "to zero mean")
      .add<NoOptions>("flip", "left to right")
      .add<NoOptions>("classification_train", "preset for training");
  optimizers.add<SgdOptions>("sgd", "stochastic gradient descent")
      .add<AdamOptions>("adam", "Adam")
      .add<AdamOptions>("adamw", "Adam with decoupled weight decay")
      .add<AdamOptions>("lamb", "layer-wise Adam");
  schedules.add<NoOptions>("constant", "no change")
      .add<StepOptions>("step", "falls at regular distances")
      .add<CosineOptions>("cosine", "half a cosine");
  averagings.add<NoOptions>("none", "the weights as they are");
  config::Catalogue catalogue;
  for (const auto* registry :
       {&tasks, &models, &sources, &samplers, &batchings, &transforms, &optimizers, &schedules, &averagings}) {
    catalogue.add(*registry);
  }
  return catalogue;
}

}  // namespace

void SgdOptions::declare(Declare<SgdOptions>& d) {
  d("lr", &SgdOptions::lr, "learning rate").above(0);
  d("momentum", &SgdOptions::momentum, "momentum").min(0).below(1);
  d("nesterov", &SgdOptions::nesterov, "Nesterov momentum");
  d("weight_decay", &SgdOptions::weight_decay, "L2 penalty").min(0);
  d.rule("nesterov", [](const SgdOptions& o) -> std::string {
    return o.nesterov && o.momentum == 0 ? "needs a momentum above 0" : "";
  });
}

void AdamOptions::declare(Declare<AdamOptions>& d) {
  d("lr", &AdamOptions::lr, "learning rate").above(0);
  d("betas", &AdamOptions::betas, "decay of both moments").length(2).min(0).below(1);
  d("weight_decay", &AdamOptions::weight_decay, "L2 penalty").min(0);
}

void ResnetOptions::declare(Declare<ResnetOptions>& d) {
  d("variant", &ResnetOptions::variant, "published weights, as IMAGENET1K_V1");
  d("small_stem", &ResnetOptions::small_stem, "for images of 32 pixels");
  d("num_classes", &ResnetOptions::num_classes, "classes; null: as the data has").min(1);
}

void ImageFolderOptions::declare(Declare<ImageFolderOptions>& d) {
  d("extensions", &ImageFolderOptions::extensions, "files that count as images");
}

void ResizeOptions::declare(Declare<ResizeOptions>& d) {
  d("size", &ResizeOptions::size, "shorter side").min(1).unit("pixels").required();
}

void NormalizeOptions::declare(Declare<NormalizeOptions>& d) {
  d("mean", &NormalizeOptions::mean, "of each channel").length(3);
}

const config::Catalogue& fake_catalogue() {
  static const config::Catalogue catalogue = make_catalogue();
  return catalogue;
}

}  // namespace mlrun::test
