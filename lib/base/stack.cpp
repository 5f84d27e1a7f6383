#include "base/stack.h"

#include <pthread.h>
#include <sys/resource.h>

#include <cstddef>

namespace mlrun {
namespace {

constexpr std::size_t kUsualStack = std::size_t{8} << 20U;

struct Call {
  const std::function<int()>& program;
  int code = 0;
};

void* make_call(void* call) {
  static_cast<Call*>(call)->code = static_cast<Call*>(call)->program();
  return nullptr;
}

}  // namespace

int with_usual_stack(const std::function<int()>& program) {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kUsualStack) return program();
  pthread_attr_t attributes;
  pthread_t thread;
  Call call{program};
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kUsualStack);
  pthread_setattr_default_np(&attributes);
  const bool started = pthread_create(&thread, &attributes, make_call, &call) == 0;
  pthread_attr_destroy(&attributes);
  if (!started) return program();
  pthread_join(thread, nullptr);
  return call.code;
}

}  // namespace mlrun
