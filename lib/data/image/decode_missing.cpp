#ifndef MLRUN_WITH_OPENCV

#include "base/error.h"
#include "data/image/decode.h"

namespace mlrun::data {

torch::Tensor decode_other(std::string_view, const std::string& name) {
#ifdef MLRUN_WITH_JPEG
  throw file_error(name, "is not a JPEG: this mlrun was built without OpenCV, which decodes the other formats",
                   "build it with -DMLRUN_WITH_OPENCV=ON");
#else
  throw file_error(name, "cannot be decoded: this mlrun was built without libjpeg and OpenCV",
                   "build it with -DMLRUN_WITH_OPENCV=ON");
#endif
}

}  // namespace mlrun::data

#endif
