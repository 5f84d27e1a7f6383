#pragma once

#include "data/sources/source.h"

namespace mlrun::data {

/// A source that gives targets without their images.
class TargetSource : public Source {
 public:
  virtual Fields targets(std::int64_t index) const = 0;
};

/// The targets of the sample at `index`; its image is read only where a source knows no other way.
inline Fields targets_at(const Source& source, std::int64_t index) {
  if (const auto* plain = dynamic_cast<const TargetSource*>(&source)) return plain->targets(index);
  return source.read({index, 0, 0}).sample.targets;
}

}  // namespace mlrun::data
