#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/sources/boxed/box_problems.h"
#include "data/sources/boxed/boxed.h"

namespace mlrun::data {

/// How `data.degenerate` and `data.masks` want boxes.
struct BoxRules {
  bool drop_degenerate = false;  ///< boxes without area are left out, else they are problems
  bool masks = false;            ///< each thing has a mask
  bool drop_empty = false;       ///< training images without things stay out
};

/// Looks at the boxes of images whose sizes are known, and clips them to their images. What was clipped and left out is
/// counted and told once.
class BoxCheck {
 public:
  BoxCheck(const std::vector<std::string>& classes, const BoxRules& rules, BoxProblems& problems)
      : classes_(classes), rules_(rules), problems_(problems) {}

  void check(BoxedImage& image);
  /// Tells what was counted.
  void tell() const;

 private:
  /// How often something was found, and where first.
  struct Count {
    std::int64_t times = 0;
    std::string first;
    void add(const std::string& place) {
      if (times++ == 0) first = place;
    }
  };

  bool keep(const BoxedImage& image, BoxedObject& object);
  bool has_mask(const BoxedImage& image, const BoxedObject& object);
  void refuse(const BoxedImage& image, const BoxedObject& object, const std::string& what, const std::string& hint);
  std::string title(const BoxedObject& object) const;
  std::string place(const BoxedImage& image, const BoxedObject& object) const;

  const std::vector<std::string>& classes_;
  BoxRules rules_;
  BoxProblems& problems_;
  Count clipped_, dropped_;
};

/// Makes pixels of what is in shares of the sides of an image, whose size is known.
void to_pixels(BoxedImage& image);

/// `left,top to right,bottom` of a box, for messages.
std::string box_text(const std::array<double, 4>& box);

}  // namespace mlrun::data
