#pragma once

namespace mlrun::nn {

/// While one lives, this thread's activations go in place only where they would with gradients: without them, too, a
/// pass then gives the memory layouts, and so the bits, of a pass that is differentiated.
class Rehearsal {
 public:
  Rehearsal() : before_(on_) { on_ = true; }
  ~Rehearsal() { on_ = before_; }
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  static bool on() { return on_; }

 private:
  static inline thread_local bool on_ = false;
  bool before_;
};

}  // namespace mlrun::nn
