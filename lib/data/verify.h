#pragma once

#include "data/duplicates.h"
#include "data/inspect.h"

namespace mlrun::data {

/// Reads and decodes every sample of every split in `subject.threads` threads and tells: samples that
/// cannot be read, with reasons (as `problems` too); samples of equal content (SHA-256 of the file, or of
/// the pixels where samples share one) and whether their labels differ; samples that look alike, across
/// splits and within them; of masks those that count for nothing, and classes that never occur. `subject.threads` is
/// used for both, not `likeness.threads`.
Findings verify_data(const DataSubject& subject, LikeOptions likeness);

/// The signature of a decoded image, uint8 [H, W, C].
Signature signature_of(const torch::Tensor& image);

}  // namespace mlrun::data
