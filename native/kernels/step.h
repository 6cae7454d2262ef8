// What one step of the forward loop works on, for some rows and one block of units.
#pragma once

#include "activation.h"
#include "tile.h"

GATEWISE_BEGIN

/// One step of a slice of rows. Arrays begin at the slice's first row.
template <class M>
struct Step {
  using Real = typename M::Real;
  using Stored = typename M::Stored;
  const Shape<M>* shape;
  const Rows* rows;
  int64_t t, first;        // the step; the slice's first sorted row
  const Stored* input;     // [rows][pitch] of [x | h before the step], or of h alone
  int64_t pitch;
  int64_t x_depth;         // k of x in `input`: 0 where W_ih x is known already, as the start of the sums
  const Real* start;       // per block [slots][width]: the bias, or with W_ih x a row of it, start_pitch apart
  int64_t start_pitch;
  Real* cell;              // [rows][cell_pitch], in place; LSTM
  int64_t cell_pitch;
  Stored* hidden;          // [rows][hidden_pitch], h after the step
  int64_t hidden_pitch;
  View out;                // where h goes besides; absent with a projection
  View saved[max_saved];
};

/// Write the units of a block into a [x | h] row. Lanes of padding may fall past the row's end, but where two
/// k share a product the one beside the last unit must stay 0.
template <class M, int W>
GATEWISE_INLINE void keep(typename M::Stored* to, Vec<typename M::Real, W> value, const Columns& block) {
  write<M, W>(to, value, M::depth == 1 ? W : (int)smaller(W, block.count));
}

/// Where the results of a tile's rows go, in elements. Asking for the memory before the product begins hides
/// the time that it takes to come.
template <class M, int MR>
struct Places {
  int64_t out[MR], saved[MR];

  GATEWISE_INLINE Places of(const Step<M>& step, int64_t row, int64_t unit) {
    Places places;
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const int64_t r = step.first + row + m;
      places.out[m] = place(step.out, *step.rows, step.t, r) + unit;
      if (step.out.data != nullptr) __builtin_prefetch((typename M::Stored*)step.out.data + places.out[m], 1);
      if (step.saved[0].data == nullptr) continue;
      places.saved[m] = place(step.saved[0], *step.rows, step.t, r) + unit;
#pragma GCC unroll 8
      for (int i = 0; i < 4; ++i) __builtin_prefetch((typename M::Stored*)step.saved[i].data + places.saved[m], 1);
      if (step.cell != nullptr) __builtin_prefetch((typename M::Real*)step.saved[4].data + places.saved[m], 1);
    }
    return places;
  }
};

/// Write the first n lanes of `value` to element `place` of a view's memory.
template <class M, int W>
GATEWISE_INLINE void put(const View& view, int64_t place, Vec<typename M::Real, W> value, int n) {
  write<M, W>((typename M::Stored*)view.data + place, value, n);
}

/// Read W values of a view (the units of the block), 0 if it is absent.
template <class M, int W>
GATEWISE_INLINE Vec<typename M::Real, W> get(const View& view, const Rows& rows, int64_t t, int64_t r,
                                             const Columns& block, int64_t unit) {
  if (view.data == nullptr) return Vec<typename M::Real, W>{};
  return read<M, W>(at<typename M::Stored>(view, rows, t, r) + unit,
                    (int)smaller(W, block.first + block.count - unit));
}

GATEWISE_END
