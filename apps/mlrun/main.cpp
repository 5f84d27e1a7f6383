#include "apps/mlrun/command.h"
#include "base/signals.h"

int main(int argc, char** argv) {
  mlrun::guard_process();
  return mlrun::apps::run_command_line(argc, argv);
}
