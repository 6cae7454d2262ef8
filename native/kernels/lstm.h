// The LSTM's pointwise maths; the equations stand in src/gatewise/cells/lstm.py.
#pragma once

#include "backstep.h"
#include "step.h"

GATEWISE_BEGIN

struct Lstm {
  static constexpr Cell cell = Cell::lstm;
  /// Advance MR rows of one block by one step. `row` is the first row in the slice.
  template <class M, int W, int MR, int NV>
  GATEWISE_INLINE void forward(const Step<M>& step, const Columns& block, int64_t row,
                               const typename M::Stored* weights, const typename M::Real* start) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    const Places<M, MR> places = Places<M, MR>::template of<Lstm>(step, row, block.first);
    V acc[MR][4];
    begin_sums<M, W, MR, 4>(acc, step, block, row, start);
    sum_products<M, W, MR, 4>(acc, step, row, weights);
    const int n = (int)block.count;
    const bool saves = step.saved[0].data != nullptr;
    // In two rounds: a row's output waits for its cell, and a processor that looks ahead finds the next row's
    // independent work only if it is not far.
    V cells[MR];
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      activate<Real, W, 0b0100>(acc[m]);
      const auto& [input, forget, candidate, output] = acc[m];
      Real* cell = step.cell + (row + m) * step.cell_pitch + block.first;
      const V written = rounded(input * candidate);
      cells[m] = forget * load<Real, W>(cell) + written;
      store_first<Real, W>(cell, cells[m], n);
      if (saves) {
        put<M, W>(step.saved[0], places.saved[m], input, n);
        put<M, W>(step.saved[1], places.saved[m], forget, n);
        put<M, W>(step.saved[2], places.saved[m], candidate, n);
        put<M, W>(step.saved[3], places.saved[m], output, n);
        store_first<Real, W>((Real*)step.saved[4].data + places.saved[m], cells[m], n);
      }
    }
    activate_all<Real, W, true>(cells);
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const V h = acc[m][3] * cells[m];
      keep<M, W>(step.hidden + (row + m) * step.hidden_pitch + block.first, h, block);
      if (step.out.data != nullptr) put<M, W>(step.out, places.out[m], h, n);
    }
  }

  /// From the gradient of h to those before the gates, of n units of one row. `to` takes them.
  template <class M, int W, int NV>
  GATEWISE_INLINE void backward(const BackRow<M>& row, int64_t unit, int n, typename M::Stored* to,
                                typename M::Stored* projected) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    row.template fetch_before<Lstm>(unit);
    const V input = read<M, W>(row.saved[0] + unit, n);
    const V forget = read<M, W>(row.saved[1] + unit, n);
    const V candidate = read<M, W>(row.saved[2] + unit, n);
    const V output = read<M, W>(row.saved[3] + unit, n);
    // tanh(c) is computed again: saved, it would be one more array to write and to read.
    V squashed[] = {load_first<Real, W>(row.cell[0] + unit, n)};
    activate<Real, W, 1>(squashed);
    const V before = get_real<Real, W>(row.cell_before[0], unit, n);
    const V dh = load_first<Real, W>(row.d_hidden + unit, n) + get<M, W>(row.d_out, unit, n);
    Real* cell = row.d_cell + unit;
    const V one = splat<Real, W>(Real(1));
    const V through = dh * output;
    const V dc = load_first<Real, W>(cell, n) + through * (one - squashed[0] * squashed[0]) + get_real<Real, W>(row.d_saved_cell[0], unit, n);
    const V d_output = dh * squashed[0] + get<M, W>(row.d_saved[3], unit, n);
    const V d_input = dc * candidate + get<M, W>(row.d_saved[0], unit, n);
    const V d_forget = dc * before + get<M, W>(row.d_saved[1], unit, n);
    const V d_candidate = dc * input + get<M, W>(row.d_saved[2], unit, n);
    store_first<Real, W>(cell, dc * forget, n);
    write<M, W>(to, d_input * (input - input * input), W);
    write<M, W>(to + W, d_forget * (forget - forget * forget), W);
    write<M, W>(to + 2 * W, d_candidate * (one - candidate * candidate), W);
    write<M, W>(to + 3 * W, d_output * (output - output * output), W);
    if (projected != nullptr) write<M, W>(projected + unit, output * squashed[0], W);
  }
};

GATEWISE_END
