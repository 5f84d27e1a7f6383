#include "apps/mlrun/command.h"
#include "base/bounded_spin.h"
#include "base/signals.h"
#include "base/stack.h"

int main(int argc, char** argv) {
  mlrun::bounded_spin();
  mlrun::guard_process();
  return mlrun::with_usual_stack([&] { return mlrun::apps::run_command_line(argc, argv); });
}
