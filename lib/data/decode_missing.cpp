#ifndef MLRUN_WITH_OPENCV

#include "base/error.h"
#include "data/decode.h"

namespace mlrun::data {

torch::Tensor decode_image(std::string_view, const std::string& name, bool) {
  throw file_error(name, "cannot be decoded: this mlrun was built without OpenCV",
                   "build it with -DMLRUN_WITH_OPENCV=ON");
}

}  // namespace mlrun::data

#endif
