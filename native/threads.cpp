#include "gatewise/threads.h"

#include <fenv.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "gatewise/openmp.h"
#include "gatewise/relax.h"
#include "gatewise/spread.h"

namespace gatewise {
namespace {

using Work = void (*)(void* context, int thread, int threads);

// How long a thread holds on to its core while it waits. Waking a sleeper costs 30 to 160 microseconds on a
// virtual machine, and a thread that is awake starts within 1; but torch's own threads want the cores between
// two calls. On two cores, a layer of 360 followed by a linear one of 86 took 510 with 40 here, and 2800 with
// 1000; handing the core on with yield() instead of sleeping took 750.
constexpr int wait_micros = 40, barrier_micros = 100;

/// True as soon as `ready()` is, false after `micros`.
template <class Ready>
bool spin(int micros, Ready ready) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      relax();
    }
    if (Clock::now() - start > std::chrono::microseconds(micros)) return false;
  }
}

struct Job {
  Work work;
  void* context;
  int threads;
  fenv_t environment;  // the caller's rounding and flushing of denormals, or results would depend on it
};

/// One thread waits for it and another one gives it: awake at first, then asleep.
class Signal {
 public:
  /// How often it was given. A wait is for the next time after a count.
  unsigned count() const { return count_.load(std::memory_order_relaxed); }

  void wait(unsigned after) {
    if (spin(wait_micros, [&] { return count_.load(std::memory_order_acquire) != after; })) return;
    std::unique_lock lock(mutex_);
    asleep_.store(true);
    condition_.wait(lock, [&] { return count_.load() != after; });
    asleep_.store(false);
  }

  // Sequentially consistent here and in wait(): either the waiting thread sees the new count before it
  // sleeps, or this sees that it sleeps.
  void give() {
    count_.fetch_add(1);
    if (!asleep_.load()) return;
    const std::lock_guard lock(mutex_);
    condition_.notify_one();
  }

 private:
  alignas(64) std::atomic<unsigned> count_{0};
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable condition_;
};

/// Every signal of the process is for its own threads: Python's handlers expect to interrupt the main one.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// Never destroyed, so that its threads may end with the process wherever they are.
class Pool {
 public:
  /// False, and nothing done, where a call holds the pool: another thread's, or one around this call.
  bool try_run(int threads, Work work, void* context) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    grow(threads - 1);
    const int helpers = std::min(threads - 1, static_cast<int>(starts_.size()));
    job_ = Job{work, context, helpers + 1, {}};
    fegetenv(&job_.environment);
    const unsigned finished = finish_.count();
    pending_.store(helpers, std::memory_order_relaxed);
    for (int i = 0; i < helpers; ++i) starts_[static_cast<size_t>(i)]->give();
    work(context, 0, helpers + 1);
    if (helpers > 0) finish_.wait(finished);
    busy_.store(false, std::memory_order_release);
    return true;
  }

 private:
  /// Make threads until there are `helpers`; fewer where the system refuses more.
  void grow(int helpers) {
    const SignalsBlocked blocked;
    while (static_cast<int>(starts_.size()) < helpers) {
      const int thread = static_cast<int>(starts_.size()) + 1;
      starts_.push_back(std::make_unique<Signal>());
      try {
        std::thread(&Pool::serve, this, thread, starts_.back().get()).detach();
      } catch (const std::system_error&) {
        starts_.pop_back();
        return;
      }
    }
  }

  void serve(int thread, Signal* start) {
    for (unsigned seen = 0;; ++seen) {
      start->wait(seen);
      fesetenv(&job_.environment);
      job_.work(job_.context, thread, job_.threads);
      if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) finish_.give();
    }
  }

  std::atomic<bool> busy_{false};
  Job job_{};
  std::vector<std::unique_ptr<Signal>> starts_;
  alignas(64) std::atomic<int> pending_{0};
  Signal finish_;
};

std::atomic<Pool*> current{nullptr};

// A forked child has none of the threads, and perhaps a pool that was in use: it starts anew.
void forget_pool() { current.store(nullptr); }
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, forget_pool);

Pool& pool() {
  Pool* existing = current.load(std::memory_order_acquire);
  if (existing != nullptr) return *existing;
  auto made = std::make_unique<Pool>();
  if (current.compare_exchange_strong(existing, made.get())) return *made.release();
  return *existing;
}

}  // namespace

// Compiler builtins, not std::atomic_ref: libc++ got it years after the rest of C++20.
void Barrier::wait(int threads) {
  if (threads <= 1) return;
  const int now = __atomic_load_n(&generation_, __ATOMIC_RELAXED);
  if (__atomic_add_fetch(&arrived_, 1, __ATOMIC_ACQ_REL) == threads) {
    __atomic_store_n(&arrived_, 0, __ATOMIC_RELAXED);
    __atomic_fetch_add(&generation_, 1, __ATOMIC_RELEASE);
    return;
  }
  while (!spin(barrier_micros, [&] { return __atomic_load_n(&generation_, __ATOMIC_ACQUIRE) != now; })) {
    std::this_thread::yield();  // the thread that is late may be waiting for this core
  }
}

void run_team(int threads, Work work, void* context) {
  if (threads <= 1) return work(context, 0, 1);
  struct Team {
    Work work;
    void* context;
    Spread spread;
  } team{work, context, {}};
  const Work run = [](void* given, int thread, int size) {
    Team& team = *static_cast<Team*>(given);
    team.spread.start(thread, size);
    team.work(team.context, thread, size);
  };
  if (run_borrowed(threads, run, &team) || pool().try_run(threads, run, &team)) return;
  work(context, 0, 1);
}

}  // namespace gatewise
