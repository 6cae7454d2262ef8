// How a call's directions and rows are shared among threads.
#pragma once

#include "gatewise/threads.h"
#include "plan.h"

GATEWISE_BEGIN

/// One thread's place in the work on one direction: `part` of `parts` threads, with their own barrier.
struct Share {
  int direction, part, parts;
  Barrier* barrier;
  /// The part of `total` that is this thread's: from begin(total) up to end(total).
  int64_t begin(int64_t total) const { return share(total, part, parts); }
  int64_t end(int64_t total) const { return share(total, part + 1, parts); }
  void wait() const {
    if (parts > 1) barrier->wait(parts);
  }
};

/// Call work(share) for the directions that thread `thread` of `threads` works on: with two directions and
/// several threads each direction has its own threads, else each direction has all of them.
template <class F>
GATEWISE_INLINE void for_shares(int directions, int thread, int threads, Barrier* barriers, const F& work) {
  if (directions == 2 && threads >= 2) {
    const int one = threads - threads / 2;
    work(thread < one ? Share{0, thread, one, &barriers[0]}
                      : Share{1, thread - one, threads - one, &barriers[1]});
    return;
  }
  for (int direction = 0; direction < directions; ++direction)
    work(Share{direction, thread, threads, &barriers[direction]});
}

/// Steps of sorted rows [0, r).
GATEWISE_INLINE int64_t steps_before(const Rows& rows, int64_t r) {
  if (rows.count == nullptr) return rows.steps * r;
  int64_t sum = 0;
  for (int64_t t = 0; t < rows.steps; ++t) sum += smaller(rows.count[t], r);
  return sum;
}

/// The first sorted row of part `part`: parts have about equally many steps.
GATEWISE_INLINE int64_t first_row(const Rows& rows, int part, int parts) {
  if (rows.count == nullptr) return share(rows.batch, part, parts);
  if (part == 0) return 0;
  if (part == parts) return rows.batch;
  const int64_t wanted = share(steps_before(rows, rows.batch), part, parts);
  int64_t low = 0, high = rows.batch;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (steps_before(rows, middle) < wanted) low = middle + 1; else high = middle;
  }
  return low;
}

GATEWISE_END
