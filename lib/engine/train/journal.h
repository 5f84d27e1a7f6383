#pragma once

#include <string>

#include "config/bind.h"
#include "engine/context.h"
#include "engine/run/run_directory.h"
#include "engine/task.h"
#include "engine/train/checkpointer.h"
#include "engine/train/hooks.h"

namespace mlrun::engine {

/// What is known of a training when it begins.
struct Opening {
  const config::Resolved& resolved;
  const std::string& command;  ///< as typed
  const Context& context;
  const Task& task;
  const Json& choices;  ///< made by measuring
};

/// run.json of a training that begins, or goes on.
Json opening_record(const Opening& opening);

/// What a run chose by measuring before, which a resumed one keeps; an empty object for a new run.
Json recorded_choices(const RunDirectory& run);

/// Keeps run.json up to date while a training goes on, for `mlrun runs`.
class Journal : public Hook {
 public:
  Journal(RunDirectory& run, const Checkpointer& checkpointer) : run_(run), checkpointer_(checkpointer) {}

  void on_stretch(const StretchReport& report) override;

 private:
  RunDirectory& run_;
  const Checkpointer& checkpointer_;
};

}  // namespace mlrun::engine
