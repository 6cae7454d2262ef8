// The GRU's pointwise maths; the equations stand in src/gatewise/cells/gru.py.
#pragma once

#include "backstep.h"
#include "step.h"

GATEWISE_BEGIN

struct Gru {
  static constexpr Cell cell = Cell::gru;
  /// Advance MR rows of one block by one step. The candidate's products with x and h stay apart.
  template <class M, int W, int MR, int NV>
  GATEWISE_INLINE void forward(const Step<M>& step, const Columns& block, int64_t row,
                               const typename M::Stored* weights, const typename M::Real* start) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    const Places<M, MR> places = Places<M, MR>::template of<Gru>(step, row, block.first);
    V acc[MR][4];
    begin_sums<M, W, MR, 4>(acc, step, block, row, start);
    const typename M::Stored* from = step.input + row * step.pitch;
    accumulate<M, W, MR, 4, 0, 1, 2>(acc, from, step.pitch, weights, step.x_depth / M::depth);
    accumulate<M, W, MR, 4, 0, 1, 3>(acc, from + step.x_depth, step.pitch, weights + step.x_depth * 3 * W,
                                     step.shape->seen / M::depth);
    const int64_t unit = block.first;
    const int n = (int)block.count;
    const bool saves = step.saved[0].data != nullptr;
    V candidates[MR];
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {  // in two rounds: see lstm.h
      V gates[] = {acc[m][0], acc[m][1]};
      activate<Real, W, 0>(gates);
      acc[m][1] = gates[1];
      candidates[m] = acc[m][2] + gates[0] * acc[m][3];
      if (saves) {
        put<M, W>(step.saved[0], places.saved[m], gates[0], n);
        put<M, W>(step.saved[1], places.saved[m], gates[1], n);
        put<M, W>(step.saved[3], places.saved[m], acc[m][3], n);
      }
    }
    activate_all<Real, W, true>(candidates);
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const V before = read<M, W>(step.input + (row + m) * step.pitch + step.x_depth + unit, W);
      const V h = candidates[m] + acc[m][1] * (before - candidates[m]);
      keep<M, W>(step.hidden + (row + m) * step.hidden_pitch + unit, h, block);
      if (step.out.data != nullptr) put<M, W>(step.out, places.out[m], h, n);
      if (saves) put<M, W>(step.saved[2], places.saved[m], candidates[m], n);
    }
  }

  /// From the gradient of h to those before the gates, of n units of one row; what passes straight to the step before
  /// stays in d_hidden.
  template <class M, int W, int NV>
  GATEWISE_INLINE void backward(const BackRow<M>& row, int64_t unit, int n, typename M::Stored* to,
                                typename M::Stored*) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    row.template fetch_before<Gru>(unit);
    const V reset = read<M, W>(row.saved[0] + unit, n);
    const V update = read<M, W>(row.saved[1] + unit, n);
    const V candidate = read<M, W>(row.saved[2] + unit, n);
    const V inner = read<M, W>(row.saved[3] + unit, n);
    const V before = row.out_before != nullptr ? read<M, W>(row.out_before + unit, n)
                                               : get_real<Real, W>(row.hidden_before, unit, n);
    Real* hidden = row.d_hidden + unit;
    const V dh = load_first<Real, W>(hidden, n) + get<M, W>(row.d_out, unit, n);
    const V one = splat<Real, W>(Real(1));
    const V carried = dh * update;
    const V d_update = dh * (before - candidate) + get<M, W>(row.d_saved[1], unit, n);
    const V d_candidate = (dh * (one - update) + get<M, W>(row.d_saved[2], unit, n)) * (one - candidate * candidate);
    const V d_reset = d_candidate * inner + get<M, W>(row.d_saved[0], unit, n);
    store_first<Real, W>(hidden, carried, n);
    write<M, W>(to, d_reset * (reset - reset * reset), W);
    write<M, W>(to + W, d_update * (update - update * update), W);
    write<M, W>(to + 2 * W, d_candidate, W);
    write<M, W>(to + 3 * W, d_candidate * reset, W);
  }
};

GATEWISE_END
