#pragma once

#include <cstdint>
#include <functional>

namespace mlrun::nn {

/// Runs `work` on parts [begin, end) of [0, count) in LibTorch's threads, none smaller than `grain`.
void share(std::int64_t count, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& work);

}  // namespace mlrun::nn
