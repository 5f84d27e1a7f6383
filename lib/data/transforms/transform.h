#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/json.h"
#include "config/registry.h"
#include "data/batch_memory.h"
#include "data/image/encoded_image.h"
#include "data/sources/source.h"
#include "data/transforms/follower.h"
#include "data/transforms/scene.h"
#include "data/transforms/window.h"
#include "data/window_reader.h"

namespace mlrun::data {

class ImageReader;
class Passage;

/// What the model that will read the samples wants; presets take their sizes from it.
struct TransformContext {
  std::int64_t input_size = 224;            ///< height and width the model was published with
  std::int64_t resize_size = 256;           ///< shorter side before the centre crop at evaluation
  std::int64_t channels = 3;                ///< of the images that the transform gets
  std::string interpolation = "bilinear";   ///< of the presets' resizing
  std::vector<double> mean{}, deviation{};  ///< the presets' statistics; empty: ImageNet's
  bool channels_last = false;               ///< the result's order in memory: [H, W, C]
  bool scaled_decoding = false;             ///< `data.scaled_decoding`
};

/// One step from a decoded image to a model's input. Images are uint8 [H, W, C], contiguous; what
/// follows `normalize` is float32 [C, H, W].
class Transform {
 public:
  virtual ~Transform() = default;
  /// Everything random comes from `random`, which is keyed by sample, epoch and the transform's
  /// place in the list.
  virtual torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const = 0;
  /// True where it takes the uint8 image and returns the float one (only `normalize` does).
  virtual bool converts() const { return false; }
  /// True where it takes and returns the float image: it may then follow `normalize`.
  virtual bool follows_normalize() const { return false; }
  /// Of one that converts: the float image [C, H, W] with values 0..1 that became `input`.
  virtual torch::Tensor revert(const torch::Tensor& input) const { return input; }
  /// Channels of the result, given those of the image.
  virtual std::int64_t channels(std::int64_t channels) const { return channels; }
  /// Says in `window` what `apply` would do, drawing the same numbers, and returns true; false, and
  /// nothing changed in `window`, where no window can say it. Steps that can are done together, and of
  /// a file no more is decoded than they need.
  virtual bool plan(Window&, KeyedRandom&) const { return false; }
  /// What happens to targets that mark places in the image.
  virtual Places places() const { return Places::Lost; }
  /// True where things of which its result shows nothing go, as torchvision's references have it; else their rows stay.
  virtual bool drops_hidden() const { return false; }
  /// `apply` of an image with targets, told to the followers. Only where `places` is Moved or Joined has it more to do.
  virtual void apply_to(Scene& scene, const Surroundings&, KeyedRandom& random) const {
    scene.image = apply(scene.image, random);
  }
  /// Of one that converts: what each value of each channel becomes.
  virtual const ValueTables* tables() const { return nullptr; }
  /// Adds to `facts` what it does in numbers, as `Pipeline::facts` names it.
  virtual void describe(Json& facts) const { (void)facts; }
};

/// As facts and files show a size: one number where both sides are equal, else [height, width].
Json size_json(std::int64_t height, std::int64_t width);
/// {height, width} of what `size_json` gives.
std::pair<std::int64_t, std::int64_t> sides_of(const Json& size);

using TransformList = std::vector<std::unique_ptr<Transform>>;
/// A preset makes several transforms, the others one.
using TransformFactory = config::Factory<TransformList(const TransformContext&)>;

/// Adds `resize`, `random_resize`, `scale_jitter`, `center_crop`, `random_crop`, `random_resized_crop`,
/// `random_horizontal_flip`, `random_vertical_flip`, `random_rotation`, `mosaic`, `simple_copy_paste`,
/// `random_photometric_distort`, `random_zoom_out`, `random_iou_crop`, `fixed_size_crop`, `random_shortest_size`,
/// `grayscale`, `color_jitter`,
/// `auto_augment`, `rand_augment`, `trivial_augment_wide`, `augmix`, `normalize`, `random_erasing` and the preset
/// `none`; tasks add presets of their own. A size left out is the one the model was published with.
void add_transforms(TransformFactory& factory);

/// Transforms in order; where none normalizes, values are scaled from 0..255 to 0..1 at the end. Targets follow what
/// happens to their image, by the same numbers.
class Pipeline {
 public:
  /// UserError at `key` when something follows `normalize` that needs the uint8 image, or comes before it and needs
  /// the float one, where a list has neither one value nor one per channel, and where `followers` cannot follow.
  Pipeline(const TransformFactory& factory, const std::vector<config::Component>& list, const TransformContext& context,
           const std::string& key, Followers followers = {});

  /// uint8 [H, W, C] to float32 [C, H, W]: each transform's `apply`, one after another, or the same bits
  /// by less work (Transform::plan). With `memory`, the result lies there where it can.
  torch::Tensor apply(const torch::Tensor& image, const SampleKey& key) const;
  torch::Tensor apply(const torch::Tensor& image, const SampleKey& key, BatchMemory& memory) const;
  /// The same of an image file. UserError where it is broken.
  torch::Tensor apply(EncodedImage image, const SampleKey& key) const;
  torch::Tensor apply(EncodedImage image, const SampleKey& key, BatchMemory& memory) const;
  /// The sample of `raw` at `key` with what `apply` makes of its image, which lies in `memory` where it can, and its
  /// targets where the image's parts went. UserError where it cannot be read, or a target does not fit its image.
  Sample sample(const Source& raw, const SampleKey& key, BatchMemory& memory) const;

  /// What `apply` returned as an image to look at: normalization undone, uint8 [H, W, C].
  torch::Tensor viewable(const torch::Tensor& input) const;

  /// Of what `apply` returns: `grayscale` changes it.
  std::int64_t channels() const { return channels_; }

  /// What is done to images, in the numbers that are in use: `input_size` of the result (absent where it is that of the
  /// image), `resize_size`, `interpolation`, `mean` and `std`, each where something does it.
  Json facts() const;

 private:
  void append(std::unique_ptr<Transform> transform);
  /// Where what follows breaks off for want of a way to follow: UserError at `place`.
  void check_places(const Transform& transform, const std::string& name, const std::string& place) const;
  torch::Tensor run(ImageReader image, const SampleKey& key, BatchMemory* memory) const;
  ImageReader reader(EncodedSample& encoded) const;
  Passage begin(EncodedSample& encoded) const;
  /// The first `count` transforms, or those up to the one that makes floats; how many were done.
  std::size_t advance(Passage& passage, std::size_t count, const Source& raw, const SampleKey& key) const;
  torch::Tensor convert(ImageReader& image, const Window& window, const ValueTables& tables, BatchMemory* memory) const;

  class Earlier;

  Followers followers_;
  TransformList transforms_;
  std::vector<std::string> purposes_;  ///< names each transform's random numbers by its place
  std::int64_t channels_;
  bool channels_last_, scaled_decoding_;
};

}  // namespace mlrun::data
