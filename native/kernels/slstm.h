// The sLSTM's pointwise maths; the equations stand in src/gatewise/cells/slstm.py. The kinds of its forget gate
// differ in a few instructions of a step only, so they share all that is compiled.
#pragma once

#include "backstep.h"
#include "step.h"

GATEWISE_BEGIN

struct Slstm {
  static constexpr Cell cell = Cell::slstm;

  /// From the forget gate's pre-activation to log f, and to d log f / d pre. `decay` is exp(-|pre|).
  template <class Real, int W>
  GATEWISE_INLINE Vec<Real, W> log_sigmoid(Vec<Real, W> pre, Vec<Real, W> decay, Vec<Real, W>* slope) {
    using V = Vec<Real, W>;
    const V share = splat<Real, W>(Real(1)) / (decay + Real(1));
    *slope = pre < Real(0) ? share : decay * share;
    V logs[] = {decay};
    log_of_one_more<Real, W>(logs);
    return smaller_of<Real, W>(V{}, pre) - logs[0];
  }

  /// Advance MR rows of one block by one step. `row` is the first row in the slice.
  template <class M, int W, int MR, int NV>
  GATEWISE_INLINE void forward(const Step<M>& step, const Columns& block, int64_t row,
                               const typename M::Stored* weights, const typename M::Real* start) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    const Places<M, MR> places = Places<M, MR>::template of<Slstm>(step, row, block.first);
    V acc[MR][4];
    begin_sums<M, W, MR, 4>(acc, step, block, row, start);
    sum_products<M, W, MR, 4>(acc, step, row, weights);
    const Cell kind = step.shape->layer.cell;
    const V limit = splat<Real, W>(kind == Cell::slstm_clamped ? Real(15) : Real(__builtin_inff()));
    const int n = (int)block.count;
    const bool saves = step.saved[0].data != nullptr;
    // In rounds, as in lstm.h: the share that is kept waits for the level, and that for the forget gate.
    V leads[MR], tops[MR];
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const V input = acc[m][0], pre = acc[m][1], forget = smaller_of<Real, W>(limit, pre);
      V part[] = {forget, acc[m][2], acc[m][3]};
      activate<Real, W, 0b010, 0b001>(part);
      V slope, log_forget = log_sigmoid<Real, W>(forget, part[0], &slope);
      if (kind == Cell::slstm_exponential) {
        log_forget = pre;
        slope = splat<Real, W>(Real(1));
      }
      acc[m][2] = part[1];
      acc[m][3] = part[2];
      const V kept = load<Real, W>(step.cell + (row + m) * step.cell_pitch + step.cell_stride + block.first) + log_forget;
      leads[m] = kept - input;
      tops[m] = larger_of<Real, W>(kept, input);
      if (saves) {
        put<M, W>(step.saved[2], places.saved[m], acc[m][2], n);
        put<M, W>(step.saved[3], places.saved[m], acc[m][3], n);
        put<M, W>(step.saved[4], places.saved[m], pre > limit ? V{} : slope, n);
      }
    }
    V decays[MR], logs[MR];
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) decays[m] = leads[m];
    activate_all<Real, W, false, true>(decays);
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) logs[m] = decays[m];
    log_of_one_more<Real, W>(logs);
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const V larger = splat<Real, W>(Real(1)) / (decays[m] + Real(1)), smaller = decays[m] * larger;
      const V keeps = leads[m] < Real(0) ? smaller : larger, writes = leads[m] < Real(0) ? larger : smaller;
      Real* const cell = step.cell + (row + m) * step.cell_pitch + block.first;
      Real* const level = cell + step.cell_stride;
      const V written = rounded(writes * acc[m][2]);
      const V after = keeps * load<Real, W>(cell) + written, top = tops[m] + logs[m];
      store_first<Real, W>(cell, after, n);
      store_first<Real, W>(level, top, n);
      const V h = acc[m][3] * after;
      keep<M, W>(step.hidden + (row + m) * step.hidden_pitch + block.first, h, block);
      if (step.out.data != nullptr) put<M, W>(step.out, places.out[m], h, n);
      if (saves) {
        put<M, W>(step.saved[0], places.saved[m], keeps, n);
        put<M, W>(step.saved[1], places.saved[m], writes, n);
        store_first<Real, W>((Real*)step.saved[5].data + places.saved[m], after, n);
        store_first<Real, W>((Real*)step.saved[6].data + places.saved[m], top, n);
      }
    }
  }

  /// From the gradient of h to those before the gates, of n units of one row. `to` takes them.
  template <class M, int W, int NV>
  GATEWISE_INLINE void backward(const BackRow<M>& row, int64_t unit, int n, typename M::Stored* to,
                                typename M::Stored*) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    row.template fetch_before<Slstm>(unit);
    const V keeps = read<M, W>(row.saved[0] + unit, n);
    const V writes = read<M, W>(row.saved[1] + unit, n);
    const V candidate = read<M, W>(row.saved[2] + unit, n);
    const V output = read<M, W>(row.saved[3] + unit, n);
    const V slope = read<M, W>(row.saved[4] + unit, n);
    const V after = load_first<Real, W>(row.cell[0] + unit, n);
    const V before = get_real<Real, W>(row.cell_before[0], unit, n);
    const V dh = load_first<Real, W>(row.d_hidden + unit, n) + get<M, W>(row.d_out, unit, n);
    Real* const d_cell = row.d_cell + unit;
    Real* const d_level = d_cell + row.d_cell_stride;
    const V du = dh * output + load_first<Real, W>(d_cell, n) + get_real<Real, W>(row.d_saved_cell[0], unit, n);
    const V dl = load_first<Real, W>(d_level, n) + get_real<Real, W>(row.d_saved_cell[1], unit, n);
    const V d_keep = du * before + get<M, W>(row.d_saved[0], unit, n);
    const V d_write = du * candidate + get<M, W>(row.d_saved[1], unit, n);
    const V d_lead = rounded(keeps * writes * (d_keep - d_write));
    const V d_kept = dl * keeps + d_lead;
    const V one = splat<Real, W>(Real(1));
    store_first<Real, W>(d_cell, du * keeps, n);
    store_first<Real, W>(d_level, d_kept, n);
    const V d_candidate = du * writes + get<M, W>(row.d_saved[2], unit, n);
    const V d_output = dh * after + get<M, W>(row.d_saved[3], unit, n);
    write<M, W>(to, dl * writes - d_lead, W);
    write<M, W>(to + W, d_kept * slope, W);
    write<M, W>(to + 2 * W, d_candidate * (one - candidate * candidate), W);
    write<M, W>(to + 3 * W, d_output * (output - output * output), W);
  }
};

GATEWISE_END
