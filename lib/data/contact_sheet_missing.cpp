#ifndef MLRUN_WITH_OPENCV

#include "base/error.h"
#include "data/contact_sheet.h"

namespace mlrun::data {

Json write_contact_sheet(const Source&, const Pipeline&, const std::vector<std::string>&, const SheetOptions&,
                         const std::filesystem::path& file) {
  throw file_error(file.string(), "cannot be written: this build has no OpenCV",
                   "configure with -DMLRUN_WITH_OPENCV=ON");
}

}  // namespace mlrun::data

#endif
