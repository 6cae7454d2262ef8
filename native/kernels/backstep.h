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

/// Where one row's vectors of a step stand: found once, not for each of its blocks. Null: absent, zeros.
template <class M>
struct BackRow {
  using Real = typename M::Real;
  using Stored = typename M::Stored;
  const Stored *saved[4], *d_saved[4], *out, *d_out;
  const Stored* out_before;    // h before the step, if that is an output
  const Real *cell, *d_saved_cell;
  const Real* state_before;    // c before the step, or the first h of a sequence
  Real *d_hidden, *d_cell;
  int64_t saved_before, d_out_before;  // from a step's vectors to those of the step before it; 0 if there is none

  GATEWISE_INLINE BackRow of(const BackStep<M>& step, int64_t row) {
    const Rows& rows = *step.rows;
    const int64_t r = step.first + row, t = step.t;
    const bool has_before = step.has_before(r);
    BackRow result = {};
    result.out = at<Stored>(step.out, rows, t, r);
    result.d_hidden = step.d_hidden + row * step.d_hidden_pitch;
    if (step.d_out.data != nullptr) {
      result.d_out = at<Stored>(step.d_out, rows, t, r);
      if (has_before) result.d_out_before = place(step.d_out, rows, step.before, r) - place(step.d_out, rows, t, r);
    }
    if (step.saved[0].data != nullptr) {
      const int64_t here = place(step.saved[0], rows, t, r);
      if (has_before) result.saved_before = place(step.saved[0], rows, step.before, r) - here;
      // All saved arrays of a call have one layout: one place serves for them.
#pragma GCC unroll 8
      for (int i = 0; i < 4; ++i) result.saved[i] = (const Stored*)step.saved[i].data + here;
      result.cell = step.d_cell == nullptr ? nullptr : (const Real*)step.saved[4].data + here;
    }
    if (step.d_cell != nullptr) result.d_cell = step.d_cell + row * step.d_cell_pitch;
    if (step.gates_have_gradients) {
      for (int i = 0; i < 4; ++i)
        if (step.d_saved[i].data != nullptr) result.d_saved[i] = at<Stored>(step.d_saved[i], rows, t, r);
      if (step.d_saved[4].data != nullptr) result.d_saved_cell = at<Real>(step.d_saved[4], rows, t, r);
    }
    // The state before a row's first step is the initial one; later it is what the forward pass left of the step before.
    if (!has_before) {
      const Real* first = step.d_cell != nullptr ? step.c0 : step.h0;
      if (first != nullptr) result.state_before = first + batch_row(rows, r) * step.shape->layer.hidden;
    } else if (step.d_cell != nullptr) {
      result.state_before = result.cell + result.saved_before;
    } else {
      result.out_before = at<Stored>(step.out, rows, step.before, r);
    }
    return result;
  }

  /// Ask for what the next step (the one before in time) will read of these units, while the products of this one run.
  void fetch_before(int64_t unit) const {
    if (unit * (int64_t)sizeof(Stored) % 64 != 0) return;  // that line was asked for
    if (d_out_before != 0) __builtin_prefetch(d_out + d_out_before + unit);
    if (saved_before == 0) return;
#pragma GCC unroll 8
    for (int i = 0; i < 4; ++i) __builtin_prefetch(saved[i] + saved_before + unit);
  }
};

/// The first n of W values from unit `unit` of a row's vector, 0 if it is absent.
template <class M, int W>
GATEWISE_INLINE Vec<typename M::Real, W> get(const typename M::Stored* vector, int64_t unit, int n) {
  return vector == nullptr ? Vec<typename M::Real, W>{} : read<M, W>(vector + unit, n);
}

/// `get` for Real where that is not the stored type too.
template <class Real, int W>
GATEWISE_INLINE Vec<Real, W> get_real(const Real* vector, int64_t unit, int n) {
  return vector == nullptr ? Vec<Real, W>{} : load_first<Real, W>(vector + unit, n);
}

GATEWISE_END
