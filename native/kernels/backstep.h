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
  const Real *h0, *c0[max_cells];  // in the batch's order, or null
  Real* d_hidden;             // [rows][d_hidden_pitch]: gradient of h after the step; the GRU leaves its carry
  int64_t d_hidden_pitch;
  Real* d_cell;               // [rows][d_cell_pitch]: gradients of the states beside h after the step, then before it
  int64_t d_cell_pitch, d_cell_stride;  // from row to row, from one of these states to the next
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
  const Stored *saved[max_stored], *d_saved[max_stored], *out, *d_out;
  const Stored* out_before;    // h before the step, if that is an output
  const Real *cell[max_cells], *d_saved_cell[max_cells], *cell_before[max_cells];
  const Real* hidden_before;   // the first h of a sequence, which is no output
  Real *d_hidden, *d_cell;
  int64_t d_cell_stride;
  int64_t saved_before, d_out_before;  // from a step's vectors to those of the step before it; 0 if there is none

  template <class C>
  GATEWISE_INLINE BackRow of(const BackStep<M>& step, int64_t row) {
    constexpr int stored = traits<C>.stored(), cells = traits<C>.cells;
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
      for (int i = 0; i < stored; ++i) result.saved[i] = (const Stored*)step.saved[i].data + here;
#pragma GCC unroll 8
      for (int i = 0; i < cells; ++i) result.cell[i] = (const Real*)step.saved[stored + i].data + here;
    }
    if (cells > 0) result.d_cell = step.d_cell + row * step.d_cell_pitch;
    result.d_cell_stride = step.d_cell_stride;
    if (step.gates_have_gradients) {
      for (int i = 0; i < stored; ++i)
        if (step.d_saved[i].data != nullptr) result.d_saved[i] = at<Stored>(step.d_saved[i], rows, t, r);
      for (int i = 0; i < cells; ++i)
        if (step.d_saved[stored + i].data != nullptr) result.d_saved_cell[i] = at<Real>(step.d_saved[stored + i], rows, t, r);
    }
    // The states before a row's first step are the initial ones; later they are what the forward pass left of the step before.
    const int64_t first = batch_row(rows, r) * step.shape->layer.hidden;
    for (int i = 0; i < cells; ++i) {
      if (has_before) {
        result.cell_before[i] = result.cell[i] + result.saved_before;
      } else if (step.c0[i] != nullptr) {
        result.cell_before[i] = step.c0[i] + first;
      }
    }
    if (cells > 0) return result;  // and does not read h
    if (has_before) {
      result.out_before = at<Stored>(step.out, rows, step.before, r);
    } else if (step.h0 != nullptr) {
      result.hidden_before = step.h0 + first;
    }
    return result;
  }

  /// Ask for what the next step (the one before in time) will read of these units, while the products of this one run.
  template <class C>
  void fetch_before(int64_t unit) const {
    constexpr int stored = traits<C>.stored();
    if (unit * (int64_t)sizeof(Stored) % 64 != 0) return;  // that line was asked for
    if (d_out_before != 0) __builtin_prefetch(d_out + d_out_before + unit);
    if (saved_before == 0) return;
#pragma GCC unroll 8
    for (int i = 0; i < stored; ++i) __builtin_prefetch(saved[i] + saved_before + unit);
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
