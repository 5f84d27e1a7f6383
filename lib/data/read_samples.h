#pragma once

#include <string>
#include <vector>

#include "data/sources/source.h"

namespace mlrun::data {

/// What happens with a sample that cannot be read, `data.on_error` of a recipe.
enum class OnError { Fail, Skip };

/// `fail` or `skip`; InternalError for anything else.
OnError on_error_of(const std::string& name);

struct SamplesRead {
  std::vector<Sample> samples;   ///< in the order of their keys
  std::vector<Skipped> skipped;  ///< none with OnError::Fail
};

/// The samples at `keys`. Where one cannot be read: UserError that names it, or, with
/// OnError::Skip, an entry in `skipped`. Out of memory is never skipped.
SamplesRead read_samples(const Source& source, const std::vector<SampleKey>& keys, OnError on_error);

}  // namespace mlrun::data
