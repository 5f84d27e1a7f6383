#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "config/recipe.h"
#include "config/registry.h"
#include "data/batch_memory.h"
#include "data/fields.h"
#include "data/image/encoded_image.h"
#include "data/sources/split.h"

namespace mlrun::data {

/// Says which draw of a sample is wanted; everything random about a sample depends on it alone.
struct SampleKey {
  std::int64_t index = 0;  ///< position in the split
  std::int64_t epoch = 0;
  std::uint64_t seed = 0;
  std::int64_t draw = 0;  ///< how often the sample came before in its epoch

  KeyedRandom random(std::string_view purpose) const {
    const std::string repeated = draw == 0 ? "" : std::string(purpose) + " draw " + std::to_string(draw);
    return KeyedRandom(seed, draw == 0 ? purpose : std::string_view(repeated), static_cast<std::uint64_t>(epoch),
                       static_cast<std::uint64_t>(index));
  }
};

/// What is known of a sample before it is decoded.
struct SampleFacts {
  std::string id;
  std::vector<std::int64_t> labels =
      {};  ///< numbers of classes: of the sample, or of each thing in it; none where it has none
  std::filesystem::path file = {};     ///< that holds this sample alone; empty where it shares one with others
  std::int64_t height = 0, width = 0;  ///< of its image in pixels; 0 where that is not known
  std::int64_t length = 0;             ///< tokens, or what else its task counts; 0 where that is not known

  /// The one label of a sample that has one.
  std::optional<std::int64_t> label() const { return labels.size() == 1 ? std::optional(labels[0]) : std::nullopt; }
};

/// The names of a sample's classes, `cat` or `cat, dog`; `-` where it has none.
std::string label_text(const SampleFacts& facts, const std::vector<std::string>& classes);

/// A sample without its image, and the image.
struct EncodedSample {
  Sample sample;
  EncodedImage image;
};

/// The samples of one split. `get` is called from several threads at once, as are
/// the others.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::int64_t size() const = 0;
  /// The sample at `key.index`, 0 <= index < size(). UserError that names the sample when it
  /// cannot be read.
  virtual Sample get(const SampleKey& key) const = 0;
  /// What is known of a sample; unless a source knows better, the sample is made for it.
  virtual SampleFacts facts(std::int64_t index) const;
  /// The sample at `key.index` with its image as it lies in its file, for who decodes no more of it than
  /// is needed; without bytes where the source has none, and `get` then gives the sample.
  virtual EncodedSample encoded(const SampleKey&) const { return {}; }
  /// What `encoded` gives, or else `get` as a sample without bytes.
  EncodedSample read(const SampleKey& key) const;
  /// As `get`, with the image in `memory` where the source can make it there.
  virtual Sample get_into(const SampleKey& key, BatchMemory&) const { return get(key); }
};

/// What was found on disk, before any sample is read.
struct DataInfo {
  std::string name;         ///< last component of the root
  std::string fingerprint;  ///< SHA-256 over sorted (path, size) pairs, or over the options that generate the data
  std::vector<std::string> classes = {};  ///< in code point order, or as the data set defines them; empty: it has none
  std::int64_t channels = 3;              ///< of images
  /// What else the source knows and tasks read under names that both know: a sampling rate, a vocabulary, series.
  Json facts = Json::object();
};

/// An opened data set: its description and its splits.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DataInfo& info() const = 0;
  /// The samples of `split`, or null where the data set has no such split.
  virtual std::shared_ptr<const Source> split(Split split) const = 0;
};

/// What a data set is opened with, beside its own options.
struct OpenRequest {
  std::filesystem::path root;
  config::SplitOptions split;
  bool apply_exif = false;  ///< turn images as their EXIF orientation says
  std::int64_t cache = 0;   ///< bytes of memory that may hold image files
};

using SourceFactory = config::Factory<std::shared_ptr<const Dataset>(const OpenRequest&)>;

/// Those that `mlrun list sources` shows. They give `inputs.image` as uint8 [H, W, C] (RGB or grey) and `targets.label`
/// as an int64 scalar, or `targets.mask` as uint8 [H, W], a class for each pixel, 255 where it has none, or things in
/// images (`boxed_images.h`).
const SourceFactory& sources();

}  // namespace mlrun::data
