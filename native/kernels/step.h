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
  const Stored* input;     // [rows][pitch] of [x | h before the step]
  int64_t pitch;
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

/// Write `value` at (step, row, unit) of a view, if it is there.
template <class M, int W>
GATEWISE_INLINE void put(const View& view, const Rows& rows, int64_t t, int64_t r, const Columns& block,
                         int64_t unit, Vec<typename M::Real, W> value) {
  if (view.data == nullptr) return;
  write<M, W>(at<typename M::Stored>(view, rows, t, r) + unit, value,
              (int)smaller(W, block.first + block.count - unit));
}

/// `put` for an array of Real.
template <class M, int W>
GATEWISE_INLINE void put_real(const View& view, const Rows& rows, int64_t t, int64_t r, const Columns& block,
                              Vec<typename M::Real, W> value) {
  if (view.data == nullptr) return;
  store_first<typename M::Real, W>(at<typename M::Real>(view, rows, t, r) + block.first, value,
                                   (int)block.count);
}

/// Read W values of a view (the units of the block), 0 if it is absent.
template <class M, int W>
GATEWISE_INLINE Vec<typename M::Real, W> get(const View& view, const Rows& rows, int64_t t, int64_t r,
                                             const Columns& block, int64_t unit) {
  if (view.data == nullptr) return Vec<typename M::Real, W>{};
  return read<M, W>(at<typename M::Stored>(view, rows, t, r) + unit,
                    (int)smaller(W, block.first + block.count - unit));
}

/// `get` for an array of Real.
template <class M, int W>
GATEWISE_INLINE Vec<typename M::Real, W> get_real(const View& view, const Rows& rows, int64_t t, int64_t r,
                                                  const Columns& block) {
  if (view.data == nullptr) return Vec<typename M::Real, W>{};
  return load_first<typename M::Real, W>(at<typename M::Real>(view, rows, t, r) + block.first,
                                         (int)block.count);
}

GATEWISE_END
