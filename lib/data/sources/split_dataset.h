#pragma once

#include <array>
#include <memory>
#include <utility>

#include "data/sources/source.h"

namespace mlrun::data {

/// A data set whose splits are known when it is opened.
class SplitDataset : public Dataset {
 public:
  using Splits = std::array<std::shared_ptr<const Source>, 3>;  // in the order of Split, null where there is none

  SplitDataset(DataInfo info, Splits splits) : info_(std::move(info)), splits_(std::move(splits)) {}

  const DataInfo& info() const override { return info_; }
  std::shared_ptr<const Source> split(Split split) const override { return splits_[static_cast<std::size_t>(split)]; }

 private:
  DataInfo info_;
  Splits splits_;
};

}  // namespace mlrun::data
