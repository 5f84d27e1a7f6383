#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "metrics/coco/shapes.h"

namespace mlrun::metrics {

/// One result of a file, with the ids that stand there.
struct CocoFound {
  std::int64_t image = 0, category = 0;
  double score = 0;
  CocoShape shape;  ///< what the file says of it
  double area = 0;
};

/// Results in COCO's form: `[{image_id, category_id, score, bbox | segmentation | keypoints}]`.
struct CocoResults {
  std::vector<CocoFound> found;                          ///< in the order of the file
  bool boxes = false, masks = false, keypoints = false;  ///< what each result has

  bool has(CocoKind kind) const {
    return kind == CocoKind::Boxes ? boxes : kind == CocoKind::Masks ? masks : keypoints;
  }
};

/// Reads them; `name` is the file's, for messages. As in COCO's API the first result says what all must have, and by
/// what their areas go: boxes before masks before keypoints. All problems are told together (at most 20), by the place
/// of a result in the list, from 1.
CocoResults read_coco_results(std::string_view text, const std::string& name);

/// Results by image. Those of categories that are not among the ids (ascending; a class is its place there) have a
/// class that no evaluation knows, for COCO's API leaves them out, too. UserError where the results lack what the kind
/// needs, and for images that are not among the ids.
std::unordered_map<std::int64_t, std::vector<CocoDetection>> detections_of(CocoResults results, CocoKind kind,
                                                                           const std::vector<std::int64_t>& images,
                                                                           const std::vector<std::int64_t>& categories,
                                                                           const std::string& name);

/// COCO's compressed text of runs, which `data::parse_runs` reads.
std::string runs_text(const data::RunLengths& runs);

/// Writes results one by one; a file that is there whole or not at all.
class CocoResultsFile {
 public:
  explicit CocoResultsFile(const std::filesystem::path& path) : file_(path) {}

  /// With its mask where `masks`, with its keypoints where there are any, and with its box where it has one. `file`
  /// stands beside the image's number, where it is not empty.
  void add(const CocoFound& found, bool masks = false, const std::string& file = "");
  void commit();

 private:
  AtomicFile file_;
  bool any_ = false;
};

}  // namespace mlrun::metrics
