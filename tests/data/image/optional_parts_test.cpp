#include "support.h"

using namespace mlrun;

TEST_CASE("what this build leaves out is counted as skipped", "[build]") {
  std::string absent;
#ifndef MLRUN_WITH_OPENCV
  absent += " OpenCV";
#endif
#ifndef MLRUN_WITH_JPEG
  absent += " libjpeg";
#endif
#ifndef MLRUN_WITH_ONNX
  absent += " libonnx";
#endif
  if (!absent.empty()) return test::skip("the tests of these are not in this build:" + absent);
}
