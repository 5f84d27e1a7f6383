#pragma once

#include <string>

#include "base/json.h"
#include "quant/plan.h"

namespace mlrun::quant {

/// All of a plan but its tensors, as the metadata `quantization` of an int8 file has it.
Json plan_json(const Int8Plan& plan);

/// The same back, strictly: what is absent, of another type or out of range is a UserError that names `file`.
Int8Plan parse_plan(const std::string& text, const std::string& file);

}  // namespace mlrun::quant
