#include "gatewise/openmp.h"

#include <dlfcn.h>
#include <fenv.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>

namespace gatewise {
namespace {

// What compilers call for `#pragma omp parallel`: stable since GCC 4.9, and in LLVM's runtime too.
struct Runtime {
  void (*parallel)(void (*body)(void*), void* data, unsigned threads, unsigned flags);
  int (*thread)();
  int (*threads)();
};

template <class F>
bool find(F& function, const char* name) {
  function = reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
  return function != nullptr;
}

std::atomic<const Runtime*> found{nullptr};
std::atomic<bool> forked{false};

void forget_runtime() { forked.store(true); }
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, forget_runtime);

/// Null where there is none yet: whoever asks later may find one.
const Runtime* runtime() {
  if (forked.load(std::memory_order_relaxed)) return nullptr;
  if (const Runtime* known = found.load(std::memory_order_acquire)) return known;
  static Runtime borrowed;
  Runtime looked{};
  if (!find(looked.parallel, "GOMP_parallel") || !find(looked.thread, "omp_get_thread_num") ||
      !find(looked.threads, "omp_get_num_threads")) {
    return nullptr;
  }
  static const bool kept = (borrowed = looked, true);
  (void)kept;
  found.store(&borrowed, std::memory_order_release);
  return &borrowed;
}

struct Job {
  const Runtime* runtime;
  void (*work)(void* context, int thread, int threads);
  void* context;
  int threads;
  fenv_t environment;  // the caller's rounding and flushing of denormals, or results would depend on it
};

void serve(void* data) {
  const Job& job = *static_cast<const Job*>(data);
  const int thread = job.runtime->thread(), threads = std::min(job.threads, job.runtime->threads());
  if (thread >= threads) return;
  fenv_t environment;
  fegetenv(&environment);
  fesetenv(&job.environment);
  job.work(job.context, thread, threads);
  fesetenv(&environment);
}

}  // namespace

bool run_borrowed(int threads, void (*work)(void*, int, int), void* context) {
  const Runtime* borrowed = runtime();
  if (borrowed == nullptr) return false;
  Job job{borrowed, work, context, threads, {}};
  fegetenv(&job.environment);
  // 0: the runtime's own number, torch's. A smaller team would end the threads that are left over.
  borrowed->parallel(serve, &job, 0, 0);
  return true;
}

}  // namespace gatewise
