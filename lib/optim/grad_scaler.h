#pragma once

#include <cstdint>
#include <string>

#include "optim/optimizer.h"

namespace mlrun::optim {

/// Keeps gradients within half precision's range: the loss is multiplied by a factor, the gradients divided by it
/// before anything looks at them. Too large a factor makes gradients infinite: that step is skipped and the factor
/// halved; after 2000 sound steps it is doubled. Numbers and order are those of torch.cuda.amp.GradScaler.
class GradScaler : public data::Stateful {
 public:
  double scale() const { return scale_; }
  /// Divides the gradients by the scale.
  void unscale(const NamedTensors& parameters) const;
  /// Tells of gradients in the present step that are not finite.
  void overflow() { overflowed_ = true; }
  bool overflowed() const { return overflowed_; }
  /// Ends a step: sets the next one's scale.
  void update();

  /// Steps skipped so far.
  std::int64_t skipped() const { return skipped_; }
  /// True once the scale is so small that not the scale is to blame.
  bool exhausted() const;

  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  double scale_ = 65536;
  std::int64_t sound_ = 0;  // steps since the scale changed
  std::int64_t skipped_ = 0;
  bool overflowed_ = false;
};

}  // namespace mlrun::optim
