#pragma once

#include <string>
#include <unordered_map>

#include "nn/layer.h"

namespace mlrun::nn {

/// What a layer's call is called in tables: `head.conv`, from the second on `head.conv (2)`.
inline std::string call_name(const std::string& path, int call) {
  return call == 0 ? path : path + " (" + std::to_string(call + 1) + ")";
}

/// Numbers the calls of each layer within a pass of a model: what runs several times in one (a head over the levels of
/// a pyramid, a shared tower, a recurrent step) is told apart by them.
class CallCounter {
 public:
  /// `root` is the model; a pass begins where it is called.
  explicit CallCounter(const Layer& root) : root_(root) {}

  /// The number of the call that begins, from 0 on. To be asked at the door, once for each call.
  int number(const Layer& layer) {
    if (&layer == &root_) calls_.clear();
    return calls_[&layer]++;
  }

 private:
  const Layer& root_;
  std::unordered_map<const Layer*, int> calls_;
};

}  // namespace mlrun::nn
