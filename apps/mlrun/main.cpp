#include "apps/mlrun/command.h"

int main(int argc, char** argv) { return mlrun::apps::run_command_line(argc, argv); }
