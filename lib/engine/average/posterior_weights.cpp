#include "base/error.h"
#include "engine/average/averager.h"
#include "engine/average/norm_renewal.h"
#include "engine/average/weight_source.h"
#include "engine/run/checkpoint.h"
#include "engine/run/model_state.h"
#include "engine/run/run_directory.h"
#include "weights/finite.h"

namespace mlrun::engine {
namespace {

constexpr std::int64_t kFewestSets = 2;  // one has no deviation from the mean

[[noreturn]] void no_posterior(const PosteriorRequest& request, const std::string& what) {
  throw file_error(request.checkpoint.string(), what, "train with averaging: swag, or leave out --samples");
}

class PosteriorWeights : public WeightSource {
 public:
  PosteriorWeights(const config::Resolved& resolved, const PosteriorRequest& request)
      : recipe_(resolved.recipe),
        request_(request),
        plan_(optim::averagings().make(recipe_.averaging.method, {recipe_.train.batch_size, 1})),
        posterior_(dynamic_cast<optim::GaussianAverage*>(plan_.average.get())) {
    if (posterior_ == nullptr) no_posterior(request, "has no posterior to draw from");
    const Checkpoint checkpoint = read_checkpoint(request.checkpoint);
    const std::string prefix = kSavedAverage;
    if (checkpoint.state.has(prefix + "present")) posterior_->load(checkpoint.state, prefix);
    if (posterior_->count() < kFewestSets) {
      no_posterior(request, "holds " + std::to_string(posterior_->count()) +
                                " sets of weights, and a posterior takes " + std::to_string(kFewestSets));
    }
    if (const auto info = checkpoint.metadata.find("data"); info != checkpoint.metadata.end()) {
      known_ = data_info(parse_json(info->second));
    }
  }

  std::int64_t draws() const override { return request_.samples; }
  std::string name(std::int64_t draw) const override { return "draw " + std::to_string(request_.first + draw); }
  std::optional<data::DataInfo> known() const override { return known_; }

  void apply(Task& task, const Context& context, std::int64_t draw, std::uint64_t key) const override {
    const torch::NoGradGuard no_gradients;
    load_model_tensors(task.models(), posterior_->sample(key, request_.first + draw, request_.scale),
                       request_.checkpoint.string());
    for (const auto& model : task.models()) {
      place(*model.second, context);
      model.second->eval();
    }
    RenewalRequest renewal;
    renewal.norms = plan_.norms.value_or(optim::NormRenewal{});
    renewal.batch_size = recipe_.train.batch_size / recipe_.train.accumulate;
    renewal.seed = static_cast<std::uint64_t>(recipe_.train.seed);
    renewal.on_error = data::on_error_of(recipe_.data.on_error);
    renew_norms(task, context, renewal);
    if (const auto spoilt = weights::first_not_finite(model_tensors(task.models()))) {
      throw file_error(request_.checkpoint.string(), "a draw of its weights is not finite: " + *spoilt,
                       "look at the training samples, which batch norm's statistics are made of");
    }
  }

 private:
  config::Recipe recipe_;
  PosteriorRequest request_;
  optim::AveragingPlan plan_;
  optim::GaussianAverage* posterior_;
  std::optional<data::DataInfo> known_;
};

}  // namespace

std::unique_ptr<WeightSource> posterior_weights(const config::Resolved& resolved, const PosteriorRequest& request) {
  return std::make_unique<PosteriorWeights>(resolved, request);
}

}  // namespace mlrun::engine
