#include "engine/train/journal.h"

#include <unistd.h>

#include <torch/version.h>

#include "base/version.h"
#include "engine/run/schema.h"

namespace mlrun::engine {

Json opening_record(const Opening& opening) {
  return {{"schema", kRunSchema},
          {"state", "running"},
          {"version", kVersion},
          {"commit", kCommit},
          {"libtorch", TORCH_VERSION},
          {"command", opening.command},
          {"seed", opening.resolved.recipe.train.seed},
          {"host", host_name()},
          {"pid", ::getpid()},
          {"device", device_text(opening.context.device)},
          {"threads", opening.context.threads},
          {"workers", opening.context.workers},
          {"choices", opening.choices},
          {"data", to_json(opening.task.data())},
          {"recipe", config::recorded_values(opening.resolved)},
          {"error", nullptr},
          {"updated", timestamp()}};
}

Json recorded_choices(const RunDirectory& run) {
  return run.resumed() ? run.info().value("choices", Json::object()) : Json::object();
}

void Journal::on_stretch(const StretchReport& report) {
  Json changes = {{"step", report.position.step}, {"epoch", report.position.epoch}, {"updated", timestamp()}};
  if (const auto& best = checkpointer_.best()) changes["best"] = to_json(*best);
  run_.update(changes);
}

}  // namespace mlrun::engine
