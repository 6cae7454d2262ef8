// Products of small tiles that stay in registers: a few rows by a few vectors over the whole k.
//
// Every element is summed in the order of k, whatever the tile's shape, so that a result does not depend
// on how rows are shared out.
#pragma once

#include "plan.h"

GATEWISE_BEGIN

/// acc[m][Slot...] += a[m][k] * b[k][...], `pairs` times `depth` k. `a` has rows `pitch` apart.
template <class M, int W, int MR, int NA, int... Slot>
GATEWISE_INLINE void accumulate(Vec<typename M::Real, W> (&acc)[MR][NA], const typename M::Stored* a,
                                int64_t pitch, const typename M::Stored* b, int64_t pairs) {
  using P = Product<M, W>;
  constexpr int slot[] = {Slot...};
  constexpr int vectors = sizeof...(Slot);
  for (int64_t k = 0; k < pairs; ++k) {
    typename P::Operand weights[vectors];
#pragma GCC unroll 8
    for (int n = 0; n < vectors; ++n) weights[n] = P::operand(b + n * W * M::depth);
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const typename P::Operand value = P::broadcast(a + m * pitch);
#pragma GCC unroll 8
      for (int n = 0; n < vectors; ++n) acc[m][slot[n]] = P::add(acc[m][slot[n]], value, weights[n]);
    }
    a += M::depth;
    b += vectors * W * M::depth;
  }
}

/// `accumulate` with the first NV vectors.
template <class M, int W, int MR, int NV>
GATEWISE_INLINE void accumulate_all(Vec<typename M::Real, W> (&acc)[MR][NV], const typename M::Stored* a,
                                    int64_t pitch, const typename M::Stored* b, int64_t pairs) {
  if constexpr (NV == 1) accumulate<M, W, MR, NV, 0>(acc, a, pitch, b, pairs);
  if constexpr (NV == 2) accumulate<M, W, MR, NV, 0, 1>(acc, a, pitch, b, pairs);
  if constexpr (NV == 3) accumulate<M, W, MR, NV, 0, 1, 2>(acc, a, pitch, b, pairs);
  if constexpr (NV == 4) accumulate<M, W, MR, NV, 0, 1, 2, 3>(acc, a, pitch, b, pairs);
}

/// Call f.template operator()<MR>(row) for tiles of nearly equal height that cover `rows` rows.
template <class F>
GATEWISE_INLINE void for_tiles(int64_t rows, const F& f) {
  const int64_t tiles = (rows + tile_rows - 1) / tile_rows;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t begin = share(rows, i, tiles), height = share(rows, i + 1, tiles) - begin;
    switch (height) {
      case 1: f.template operator()<1>(begin); break;
      case 2: f.template operator()<2>(begin); break;
      case 3: f.template operator()<3>(begin); break;
#if defined(__AVX512F__) || defined(__aarch64__)
      case 4: f.template operator()<4>(begin); break;
      case 5: f.template operator()<5>(begin); break;
      case 6: f.template operator()<6>(begin); break;
#endif
      default: __builtin_unreachable();
    }
  }
}

/// Call f.template operator()<W, NV>() for the width and number of vectors of some columns.
template <class M, class F>
GATEWISE_INLINE void for_columns(const Columns& columns, const F& f) {
  constexpr int full = lanes<M>, half = full / 2;
  if (columns.width == full) {
    switch (columns.vectors) {
      case 1: return f.template operator()<full, 1>();
      case 2: return f.template operator()<full, 2>();
      case 3: return f.template operator()<full, 3>();
      default: return f.template operator()<full, 4>();
    }
  }
  if constexpr (half * sizeof(typename M::Real) >= 16) {
    static_assert(every_gated_cell([](const CellTraits& cell) { return cell.gates >= 3; }),
                  "half-width columns have one vector, three or four: a cell of two gates needs a line here");
    if (columns.vectors == 1) return f.template operator()<half, 1>();
    if (columns.vectors == 3) return f.template operator()<half, 3>();
    return f.template operator()<half, 4>();
  }
}

/// Part of the k of a product: `length` elements from `offset` in each row of a block of gate gradients,
/// whose rows are `lanes` long and which begins after `before` lanes of other blocks.
struct Run {
  int64_t before, lanes, offset, length;
};

/// One group of columns of C = A B for all `rows` rows: A's rows begin at `first` in blocks of `capacity` rows,
/// its k is the concatenation of the runs. init(m, n) gives the tile's start, done(m, n, value) takes its end.
template <class M, int W, int NV, class Init, class Done>
static void multiply_rows(const Run* runs, int64_t count, const typename M::Stored* a, int64_t capacity,
                          int64_t first, int64_t rows, const typename M::Stored* b, const Init& init,
                          const Done& done) {
  for_tiles(rows, [&]<int MR>(int64_t row) __attribute__((always_inline)) {
    Vec<typename M::Real, W> acc[MR][NV];
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
      for (int n = 0; n < NV; ++n) acc[m][n] = init.template operator()<W>(row + m, n);
    const typename M::Stored* weights = b;
    for (int64_t i = 0; i < count; ++i) {
      const Run& run = runs[i];
      const int64_t pairs = run.length / M::depth;
      const typename M::Stored* left = a + run.before * capacity + (first + row) * run.lanes + run.offset;
      if (NV == 1 && count > 1) {  // each run is summed apart, where registers are left for it: less is lost to rounding
        Vec<typename M::Real, W> part[MR][NV] = {};
        accumulate_all<M, W, MR, NV>(part, left, run.lanes, weights, pairs);
#pragma GCC unroll 16
        for (int m = 0; m < MR; ++m) acc[m][0] += part[m][0];
      } else {
        accumulate_all<M, W, MR, NV>(acc, left, run.lanes, weights, pairs);
      }
      weights += pairs * M::depth * W * NV;
    }
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
      for (int n = 0; n < NV; ++n) done.template operator()<W>(row + m, n, acc[m][n]);
  });
}

/// sums[m][n] += sum over q of a[q][m] * b[q][Slot n]: `pairs` times `depth` rows q, each summed apart first.
/// a: [q / depth][a_pitch][depth], from column 0 on for `rows` m; b: [q / depth][b_pitch][depth].
template <class M, int W, int... Slot>
static void multiply_outer(const typename M::Stored* a, int64_t a_pitch, const typename M::Stored* b,
                           int64_t b_pitch, int64_t pairs, int64_t rows, typename M::Real* sums) {
  using P = Product<M, W>;
  using V = typename P::V;
  constexpr int slot[] = {Slot...};
  constexpr int vectors = sizeof...(Slot);
  for_tiles(rows, [&]<int MR>(int64_t row) __attribute__((always_inline)) {
    V acc[MR][vectors];
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
      for (int n = 0; n < vectors; ++n) acc[m][n] = V{};
    const typename M::Stored* left = a + row * M::depth;
    const typename M::Stored* right = b;
    for (int64_t q = 0; q < pairs; ++q) {
      typename P::Operand operands[vectors];
#pragma GCC unroll 8
      for (int n = 0; n < vectors; ++n) operands[n] = P::operand(right + slot[n] * W * M::depth);
#pragma GCC unroll 16
      for (int m = 0; m < MR; ++m) {
        const typename P::Operand value = P::broadcast(left + m * M::depth);
#pragma GCC unroll 8
        for (int n = 0; n < vectors; ++n) acc[m][n] = P::add(acc[m][n], value, operands[n]);
      }
      left += a_pitch * M::depth;
      right += b_pitch * M::depth;
    }
    // Only now to memory: a sum over few rows loses less to rounding than adding each row to the long sum would.
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
      for (int n = 0; n < vectors; ++n) {
        typename M::Real* to = sums + ((row + m) * vectors + n) * W;
        store<typename M::Real, W>(to, load<typename M::Real, W>(to) + acc[m][n]);
      }
  });
}

GATEWISE_END
