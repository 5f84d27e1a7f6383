#include "base/threads.h"

#include <cstdlib>
#include <string>

#include "support.h"

using namespace mlrun;

namespace {

/// An environment variable with a value, as it was when this ends.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before, known_ = true;
    ::setenv(name, value, 1);
  }
  ~Variable() {
    if (known_) ::setenv(name_, before_.c_str(), 1);
    else ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::string before_;
  bool known_ = false;
};

}  // namespace

TEST_CASE("threads are at most what Slurm gave a task and what OpenMP was told", "[base]") {
  const Variable no_task("SLURM_CPUS_PER_TASK", ""), no_threads("OMP_NUM_THREADS", "");
  const int all = available_processors();
  CHECK(all >= 1);
  CHECK(default_compute_threads() == all);
  {
    const Variable threads("OMP_NUM_THREADS", "1");
    CHECK(default_compute_threads() == 1);
    CHECK(available_processors() == all);
  }
  {
    const Variable task("SLURM_CPUS_PER_TASK", "1");
    CHECK(available_processors() == 1);
    CHECK(default_compute_threads() == 1);
  }
  for (const char* nothing : {"0", "-3", "many", "100000"}) {
    CAPTURE(nothing);
    const Variable task("SLURM_CPUS_PER_TASK", nothing), threads("OMP_NUM_THREADS", nothing);
    CHECK(available_processors() == all);
    CHECK(default_compute_threads() == all);
  }
  const Variable levels("OMP_NUM_THREADS", "1,4");
  CHECK(default_compute_threads() == 1);
}
