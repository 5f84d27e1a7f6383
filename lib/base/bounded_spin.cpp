#include "base/bounded_spin.h"

// libgomp reads GOMP_SPINCOUNT in its constructor. What runs earlier is .preinit_array, but a variable that it adds is
// lost: libc then takes the environment anew from where the kernel put it, a list that cannot grow. So one entry of
// that list, which nothing reads while libraries start, is lent to the setting and given back in main().

namespace mlrun {
namespace {

constexpr char kSetting[] = "GOMP_SPINCOUNT=5000";
static_assert(kSpinTurns == 5000);

constexpr const char* kSetByUser[] = {"GOMP_SPINCOUNT=", "OMP_WAIT_POLICY="};
constexpr const char* kCanBeLent[] = {"_=", "SHLVL=", "OLDPWD=", "LS_COLORS=", "PWD=", "TERM=", "LOGNAME=", "PATH="};

char** lent = nullptr;
char* original = nullptr;

// No library's functions: libraries have not started.
bool begins_with(const char* text, const char* beginning) {
  while (*beginning != '\0') {
    if (*text++ != *beginning++) return false;
  }
  return true;
}

char** find(char** environment, const char* beginning) {
  for (; *environment != nullptr; ++environment) {
    if (begins_with(*environment, beginning)) return environment;
  }
  return nullptr;
}

void lend(int, char**, char** environment) {
  for (const char* name : kSetByUser) {
    if (find(environment, name) != nullptr) return;
  }
  for (const char* name : kCanBeLent) {
    if (char** entry = find(environment, name)) {
      lent = entry;
      original = *entry;
      *entry = const_cast<char*>(kSetting);
      return;
    }
  }
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const kBeforeLibraries)(int, char**, char**) = lend;

}  // namespace

bool bounded_spin() {
  if (lent == nullptr) return false;
  *lent = original;
  return true;
}

}  // namespace mlrun
