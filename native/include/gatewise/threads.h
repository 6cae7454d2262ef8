// The threads of a call: those of the OpenMP runtime that is there already (openmp.h), else a small pool.
//
// The pool is made at first use and lives until the process ends. Workers wait by spinning briefly, then
// sleep. A process that forks starts with an empty pool, and borrows from nobody. When another Python thread
// holds the pool, a call runs on its own thread alone: results do not depend on the number of threads.
#pragma once

namespace gatewise {

/// Spin, then yield, until all `threads` of a call have arrived. One object per group of threads.
class Barrier {
 public:
  void wait(int threads);

 private:
  alignas(64) int arrived_ = 0;     // accessed atomically
  alignas(64) int generation_ = 0;  // accessed atomically
};

/// Call work(context, thread, threads) for thread = 0 .. threads-1 at the same time, thread 0 being the
/// caller's; return when all are done. `threads` handed to `work` may be 1 where more were asked for.
/// `work` must not throw.
void run_team(int threads, void (*work)(void* context, int thread, int threads), void* context);

}  // namespace gatewise
