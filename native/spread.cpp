#include "gatewise/spread.h"

#include <sched.h>

#include "gatewise/relax.h"

namespace gatewise {
namespace {

// What a thread that is awake needs to start, and some: 1 to 3 microseconds.
constexpr int patience = 100;

#ifdef __linux__
int processor() { return sched_getcpu(); }

/// Move the calling thread off a processor, where it may use another one.
void leave(int processor) {
  cpu_set_t allowed;
  if (processor < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  cpu_set_t others = allowed;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
int processor() { return -1; }
void leave(int) {}
#endif

}  // namespace

Spread::Spread() : caller_(processor()) {}

void Spread::start(int thread, int threads) {
  if (threads <= 1) return;
  if (thread > 0) {
    started_.fetch_add(1, std::memory_order_release);
    if (caller_ >= 0 && processor() == caller_) leave(caller_);
    return;
  }
  for (int i = 0; i < patience; ++i) {
    if (started_.load(std::memory_order_acquire) >= threads - 1) return;
    relax();
  }
  sched_yield();
}

}  // namespace gatewise
