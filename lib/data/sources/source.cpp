#include "data/sources/source.h"

#include <torch/types.h>

#include "data/sources/boxed/coco_detection.h"
#include "data/sources/boxed/cvat.h"
#include "data/sources/boxed/instance_masks.h"
#include "data/sources/boxed/labelme.h"
#include "data/sources/boxed/voc_detection.h"
#include "data/sources/boxed/yolo.h"
#include "data/sources/cifar.h"
#include "data/sources/cityscapes.h"
#include "data/sources/coco_panoptic.h"
#include "data/sources/coco_segmentation.h"
#include "data/sources/idx.h"
#include "data/sources/image_folder.h"
#include "data/sources/labelled_files.h"
#include "data/sources/segmentation_folder.h"
#include "data/sources/synthetic.h"
#include "data/sources/synthetic_shapes.h"
#include "data/sources/voc_segmentation.h"
#include "data/sources/webdataset.h"

namespace mlrun::data {

SampleFacts Source::facts(std::int64_t index) const {
  const Sample sample = get({index, 0, 0});
  if (!sample.targets.has("label")) return {sample.id};
  return {sample.id, {sample.targets.tensor("label").item<std::int64_t>()}};
}

EncodedSample Source::read(const SampleKey& key) const {
  EncodedSample sample = encoded(key);
  if (!sample.image.bytes) sample.sample = get(key);
  return sample;
}

std::string label_text(const SampleFacts& facts, const std::vector<std::string>& classes) {
  std::string text;
  for (const auto label : facts.labels) {
    const auto at = static_cast<std::size_t>(label);
    text += (text.empty() ? "" : ", ") + (at < classes.size() ? classes[at] : std::to_string(label));
  }
  return text.empty() ? "-" : text;
}

const SourceFactory& sources() {
  static const SourceFactory factory = [] {
    SourceFactory list("source");
    list.add<config::NoOptions>("cifar10", "CIFAR-10, the binary version", &open_cifar10);
    list.add<Cifar100Options>("cifar100", "CIFAR-100, the binary version, with fine or coarse labels", &open_cifar100);
#ifdef MLRUN_WITH_OPENCV
    list.add<CityscapesOptions>("cityscapes", "Cityscapes: streets with masks of 19 classes", &open_cityscapes);
    list.add<CocoPanopticOptions>("coco_panoptic", "COCO's things and stuff, from panoptic masks", &open_coco_panoptic);
    list.add<CocoSegmentationOptions>("coco_segmentation",
                                      "COCO's instances as masks of classes, as torchvision's references make them",
                                      &open_coco_segmentation);
#endif
#if defined(MLRUN_WITH_OPENCV) || defined(MLRUN_WITH_JPEG)
    list.add<CocoDetectionOptions>("coco", "images with boxes, masks and keypoints in COCO's form (JSON)",
                                   &open_coco_detection);
    list.add<config::NoOptions>("csv", "a CSV file with the columns path and label, and split where wanted", &open_csv);
    list.add<CvatOptions>("cvat", "images or a video's frames with boxes, polygons and masks of CVAT's (XML)",
                          &open_cvat);
    list.add<FlatOptions>("flat", "one folder of images with a label file", &open_flat);
#endif
    list.add<IdxOptions>("idx", "MNIST-style idx files of grey images, plain or gzip", &open_idx);
#if defined(MLRUN_WITH_OPENCV) || defined(MLRUN_WITH_JPEG)
    list.add<ImageFolderOptions>(
        "image_folder", "one folder of images per class, or train, val and test of such folders", &open_image_folder);
    list.add<LabelMeOptions>("labelme", "images with boxes and polygons of LabelMe's (JSON beside each)",
                             &open_labelme);
#endif
#ifdef MLRUN_WITH_OPENCV
    list.add<InstanceMasksOptions>(
        "instance_masks", "images with a mask of each thing: labelled PNG, or one PNG a thing", &open_instance_masks);
    list.add<SegmentationFolderOptions>("segmentation_folder", "images and masks of the same names, in two folders",
                                        &open_segmentation_folder);
#endif
    list.add<SyntheticShapesOptions>("synthetic_boxes", "seeded discs and rectangles with boxes around them",
                                     &open_synthetic_boxes);
    list.add<SyntheticShapesOptions>("synthetic_instances", "seeded discs and rectangles with boxes and their masks",
                                     &open_synthetic_instances);
    list.add<SyntheticShapesOptions>("synthetic_shapes", "seeded discs and rectangles with their masks",
                                     &open_synthetic_shapes);
    list.add<SyntheticOptions>("synthetic", "seeded patterns with noise, made on the fly", &open_synthetic);
#ifdef MLRUN_WITH_OPENCV
    list.add<VocSegmentationOptions>("voc_segmentation", "PASCAL VOC: photographs with masks of 21 classes",
                                     &open_voc_segmentation);
#endif
#if defined(MLRUN_WITH_OPENCV) || defined(MLRUN_WITH_JPEG)
    list.add<VocDetectionOptions>("voc_detection", "images with boxes as PASCAL VOC's XML", &open_voc_detection);
    list.add<config::NoOptions>("webdataset", "tar shards of image files and labels, as `mlrun data pack` writes them",
                                &open_webdataset);
    list.add<YoloOptions>("yolo", "images with label files of YOLO's (txt), and data.yaml", &open_yolo);
#endif
    return list;
  }();
  return factory;
}

}  // namespace mlrun::data
