#include "base/mapped_files.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

namespace mlrun {
namespace {

/// What a signal handler can read: it may neither lock nor allocate.
struct Slot {
  std::atomic<const char*> begin{nullptr};  ///< null: free
  std::size_t size = 0;
  char* line = nullptr;
  char* report = nullptr;
};

constexpr std::size_t kSlots = 4096;  // files beyond these end without a word
std::array<Slot, kSlots> slots;
std::mutex slots_guard;
std::function<std::string(const Problem&)> make_report;

void write_text(int stream, const char* text) {
  for (std::size_t left = std::strlen(text); left > 0;) {
    const ssize_t written = ::write(stream, text, left);
    if (written <= 0) return;
    text += written;
    left -= static_cast<std::size_t>(written);
  }
}

void on_lost_page(int signal, siginfo_t* info, void*) {
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const auto begin = reinterpret_cast<std::uintptr_t>(slot.begin.load());
    if (begin == 0 || at < begin || at - begin >= slot.size) continue;
    write_text(STDOUT_FILENO, slot.report);
    write_text(STDERR_FILENO, slot.line);
    ::_exit(static_cast<int>(ExitCode::User));
  }
  std::signal(signal, SIG_DFL);  // of something else: the same access ends the process now
}

}  // namespace

void watch_mapped_files(std::function<std::string(const Problem&)> report) {
  {
    const std::lock_guard<std::mutex> lock(slots_guard);
    make_report = std::move(report);
  }
  struct sigaction action = {};
  action.sa_sigaction = on_lost_page;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

MappedRange::MappedRange(const void* bytes, std::size_t size, const std::filesystem::path& file) {
  const Problem problem{file.string(),
                        0,
                        0,
                        "",
                        "was cut short while it was in use",
                        "put the whole file back and run the command again"};
  const std::lock_guard<std::mutex> lock(slots_guard);
  for (std::size_t i = 0; i < slots.size() && slot_ == SIZE_MAX; ++i) {
    if (slots[i].begin.load() == nullptr) slot_ = i;
  }
  if (slot_ == SIZE_MAX) return;
  Slot& slot = slots[slot_];
  slot.size = size;
  slot.line = ::strdup(("error: " + problem.text() + "\n").c_str());
  slot.report = ::strdup(make_report ? make_report(problem).c_str() : "");
  if (slot.line != nullptr && slot.report != nullptr) slot.begin = static_cast<const char*>(bytes);
}

MappedRange::~MappedRange() {
  if (slot_ == SIZE_MAX) return;
  const std::lock_guard<std::mutex> lock(slots_guard);
  Slot& slot = slots[slot_];
  slot.begin = nullptr;
  std::free(std::exchange(slot.line, nullptr));
  std::free(std::exchange(slot.report, nullptr));
}

}  // namespace mlrun
