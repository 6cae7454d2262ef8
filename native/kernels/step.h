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
  int64_t t, first, count;  // the step; the slice's first sorted row, and how many there are
  const Stored* input;     // [rows][pitch] of [x | h before the step], or of h alone
  int64_t pitch;
  int64_t x_depth;         // k of x in `input`: 0 where W_ih x is known already, as the start of the sums
  const Real* start;       // per block [slots][width]: the bias, or with W_ih x a row of it, start_pitch apart
  int64_t start_pitch;
  View products;           // W_ih x, where the layer's input holds it, to be added to the start; gates `whole` apart
  Real* cell;              // [rows][cell_pitch], in place: the states beside h, cell_stride apart
  int64_t cell_pitch, cell_stride;
  Stored* hidden;          // [rows][hidden_pitch], h after the step
  int64_t hidden_pitch;
  View out;                // where h goes besides; absent with a projection
  View saved[max_saved];
};

/// Write the units of a block into a [x | h] row and nothing past them: where two k share a product a 0 follows.
template <class M, int W>
GATEWISE_INLINE void keep(typename M::Stored* to, Vec<typename M::Real, W> value, const Columns& block) {
  write<M, W>(to, value, (int)smaller(W, block.count));
}

/// Where a row's products of a block begin, and how far the next vector is.
template <class M>
GATEWISE_INLINE const typename M::Stored* products_of(const Step<M>& step, int64_t row, int64_t unit) {
  return at<typename M::Stored>(step.products, *step.rows, step.t, step.first + row) + unit;
}
template <class M, int W>
GATEWISE_INLINE int64_t vector_stride(const Shape<M>& shape) {
  return shape.cell.gated ? shape.whole : W;
}

/// Ask for the products of the tile that comes next: its rows lie kilobytes apart, and no processor guesses that.
template <class M, int W, int MR, int NV>
GATEWISE_INLINE void fetch_products(const Step<M>& step, const Columns& block, int64_t row) {
  const Shape<M>& shape = *step.shape;
  const bool last = row + MR >= step.count;
  const int64_t unit = block.first + (last ? block.count : 0), begin = last ? 0 : row + MR;
  if (unit >= shape.layer.hidden) return;
  const int64_t stride = vector_stride<M, W>(shape);
#pragma GCC unroll 16
  for (int m = 0; m < MR; ++m) {
    const typename M::Stored* from = products_of(step, smaller(begin + m, step.count - 1), unit);
#pragma GCC unroll 8
    for (int n = 0; n < NV; ++n) __builtin_prefetch(from + n * stride, 0, 2);  // the weights are to stay in the nearest cache
  }
}

/// The start of a tile's sums: the bias, or with W_ih x.
template <class M, int W, int MR, int NV>
GATEWISE_INLINE void begin_sums(Vec<typename M::Real, W> (&acc)[MR][NV], const Step<M>& step, const Columns& block,
                                int64_t row, const typename M::Real* start) {
#pragma GCC unroll 16
  for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
    for (int n = 0; n < NV; ++n) acc[m][n] = load<typename M::Real, W>(start + (row + m) * step.start_pitch + n * W);
  if (step.products.data == nullptr) return;
  const Shape<M>& shape = *step.shape;
  const int64_t stride = vector_stride<M, W>(shape);
  fetch_products<M, W, MR, NV>(step, block, row);
  const auto add = [&](const auto& count) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const typename M::Stored* from = products_of(step, row + m, block.first);
#pragma GCC unroll 8
      for (int n = 0; n < NV; ++n) acc[m][n] += read<M, W>(from + n * stride, count(n));
    }
  };
  if (block.vectors == NV && block.count == (shape.cell.gated ? W : W * NV)) {
    add([](int) __attribute__((always_inline)) { return W; });
  } else {  // fewer units, or the slot of h's product alone, which is after the vectors
    add([&](int n) __attribute__((always_inline)) {
      return n < block.vectors ? (int)smaller(W, block.count - (shape.cell.gated ? 0 : n * W)) : 0;
    });
  }
}

/// The products of a tile with x and h, which follow one another, as their weights do.
template <class M, int W, int MR, int NV>
GATEWISE_INLINE void sum_products(Vec<typename M::Real, W> (&acc)[MR][NV], const Step<M>& step, int64_t row,
                                  const typename M::Stored* weights) {
  accumulate_all<M, W, MR, NV>(acc, step.input + row * step.pitch, step.pitch, weights,
                               (step.x_depth + step.shape->seen) / M::depth);
}

/// Where the results of a tile's rows go, in elements. Asking for the memory before the product begins hides
/// the time that it takes to come.
template <class M, int MR>
struct Places {
  int64_t out[MR], saved[MR];

  template <class C>
  GATEWISE_INLINE Places of(const Step<M>& step, int64_t row, int64_t unit) {
    constexpr int stored = traits<C>.stored(), all = traits<C>.saved;
    Places places;
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const int64_t r = step.first + row + m;
      places.out[m] = place(step.out, *step.rows, step.t, r) + unit;
      if (step.out.data != nullptr) __builtin_prefetch((typename M::Stored*)step.out.data + places.out[m], 1);
      if (step.saved[0].data == nullptr) continue;
      places.saved[m] = place(step.saved[0], *step.rows, step.t, r) + unit;
#pragma GCC unroll 8
      for (int i = 0; i < stored; ++i)
        __builtin_prefetch((typename M::Stored*)step.saved[i].data + places.saved[m], 1);
#pragma GCC unroll 8
      for (int i = stored; i < all; ++i)
        __builtin_prefetch((typename M::Real*)step.saved[i].data + places.saved[m], 1);
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
