#include "engine/shared_kinds.h"

#include "data/batching.h"
#include "data/sampler.h"
#include "data/sources/source.h"
#include "optim/averaging_methods.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace mlrun::engine {

void add_shared_kinds(config::Catalogue& all) {
  const std::vector<const config::Registry*> kinds = {&data::sources(),     &data::samplers(),   &data::batchings(),
                                                      &optim::optimizers(), &optim::schedules(), &optim::averagings()};
  for (const config::Registry* kind : kinds) {
    if (!all.has(kind->kind())) all.add(*kind);
  }
}

}  // namespace mlrun::engine
