#pragma once

#include <memory>
#include <vector>

#include "engine/task.h"
#include "metrics/worst.h"
#include "recipes/detection/judging.h"
#include "report/exhibit.h"

namespace mlrun::detection {

/// The worst mistakes of each kind, close up: the surest detections, the largest objects missed.
class MistakeGallery {
 public:
  MistakeGallery();

  void see(const std::shared_ptr<const JudgedImage>& image);
  /// Pictures by kind; `source` is what was seen. Nothing where there were none.
  std::vector<report::Exhibit> pictures(const engine::Task& task, const data::Source& source) const;

 private:
  struct Kept {
    std::shared_ptr<const JudgedImage> image;
    metrics::CocoMistake mistake;
  };

  std::vector<metrics::Worst<Kept>> worst_;  // of each kind
};

}  // namespace mlrun::detection
