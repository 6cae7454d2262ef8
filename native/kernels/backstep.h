// What one step of the backward loop works on, for some rows.
#pragma once

#include "activation.h"
#include "step.h"

GATEWISE_BEGIN

/// One step of a slice of rows, backward. Arrays begin at the slice's first row.
template <class M>
struct BackStep {
  using Real = typename M::Real;
  using Stored = typename M::Stored;
  const Shape<M>* shape;
  const Rows* rows;
  int64_t t, first;           // the step; the slice's first sorted row
  int64_t before, before_rows;  // the step before it in the direction's order; sorted rows that have it
  View out, saved[max_saved], d_out, d_saved[max_saved];
  bool gates_have_gradients;
  const Real *h0, *c0;        // in the batch's order, or null
  Real* d_hidden;             // [rows][d_hidden_pitch]: gradient of h after the step; the GRU leaves its carry
  int64_t d_hidden_pitch;
  Real* d_cell;               // [rows][d_cell_pitch]: gradient of c after the step, then before it
  int64_t d_cell_pitch;
  Stored* gradients;          // of the gates: blocks of [capacity][slots * width], all rows of a chunk
  int64_t capacity, index;    // rows of a chunk; where the slice's first row stands in it
  Stored* projected;          // [capacity][projected_pitch]: o * tanh(c), wanted with a projection only
  int64_t projected_pitch;

  bool has_before(int64_t r) const { return r < before_rows; }
};

/// The initial state of sorted row r from unit `unit` on, 0 if there is none.
template <class M, int W>
GATEWISE_INLINE Vec<typename M::Real, W> initial(const typename M::Real* state, const Rows& rows, int64_t r,
                                                 int64_t size, int64_t unit) {
  if (state == nullptr) return Vec<typename M::Real, W>{};
  return load_first<typename M::Real, W>(state + batch_row(rows, r) * size + unit,
                                         (int)smaller(W, size - unit));
}

/// Ask for what the next step (the one before in time) will read of this row, while the products of this one run.
template <class M>
GATEWISE_INLINE void fetch_before(const BackStep<M>& step, int64_t r, int64_t unit) {
  if (!step.has_before(r)) return;
  using Stored = typename M::Stored;
  const Rows& rows = *step.rows;
  if (step.d_out.data != nullptr) __builtin_prefetch(at<Stored>(step.d_out, rows, step.before, r) + unit);
  const int64_t saved = step.saved[0].data == nullptr ? 0 : place(step.saved[0], rows, step.before, r) + unit;
#pragma GCC unroll 8
  for (int i = 0; i < 4; ++i)
    if (step.saved[i].data != nullptr) __builtin_prefetch((const Stored*)step.saved[i].data + saved);
}

GATEWISE_END
