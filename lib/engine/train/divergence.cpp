#include "engine/train/divergence.h"

#include "report/format.h"

namespace mlrun::engine {
namespace {

constexpr std::size_t kMostSamples = 5;
constexpr const char* kRemedy =
    "lower optimizer.lr, add a warm-up or train.clip_grad_norm, or look at these samples, and start another run with "
    "--out";

std::string sample_text(const std::vector<std::string>& samples) {
  std::string text;
  for (std::size_t i = 0; i < samples.size() && i < kMostSamples; ++i) text += (i == 0 ? "" : ", ") + samples[i];
  if (samples.size() > kMostSamples) text += ", and " + std::to_string(samples.size() - kMostSamples) + " more";
  return text;
}

std::string message(const std::string& what, std::int64_t step, const std::vector<std::string>& samples,
                    const std::vector<double>& norms) {
  std::string text = what + " at step " + std::to_string(step) + " (samples " + sample_text(samples) + ")";
  if (norms.empty()) return text;
  text += ", gradient norms of the steps before:";
  for (const double norm : norms) text += " " + report::significant(norm, 4);
  return text;
}

}  // namespace

Divergence::Divergence(const std::string& what, std::int64_t step)
    : UserError(what + " after step " + std::to_string(step), kRemedy) {}

Divergence::Divergence(const std::string& what, std::int64_t step, const std::vector<std::string>& samples,
                       const std::vector<double>& norms)
    : UserError(message(what, step, samples, norms), kRemedy) {}

UserError Divergence::with_checkpoint(const std::filesystem::path& checkpoint) const {
  const std::string good =
      checkpoint.empty() ? ", no checkpoint was saved before" : ", last good checkpoint: " + checkpoint.string();
  return UserError(problems().front().message + good, kRemedy);
}

}  // namespace mlrun::engine
