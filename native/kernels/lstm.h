// The LSTM's pointwise maths; the equations stand in src/gatewise/cells/lstm.py.
#pragma once

#include "backstep.h"
#include "step.h"

GATEWISE_BEGIN

struct Lstm {
  static constexpr bool gated = true;  // one vector a gate in a block
  /// Advance MR rows of one block by one step. `row` is the first row in the slice.
  template <class M, int W, int MR, int NV>
  GATEWISE_INLINE void forward(const Step<M>& step, const Columns& block, int64_t row,
                               const typename M::Stored* weights, const typename M::Real* start) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    const Places<M, MR> places = Places<M, MR>::of(step, row, block.first);
    V acc[MR][4];
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
      for (int n = 0; n < 4; ++n) acc[m][n] = load<Real, W>(start + (row + m) * step.start_pitch + n * W);
    accumulate_all<M, W, MR, 4>(acc, step.input + row * step.pitch, step.pitch, weights,
                                (step.x_depth + step.shape->outputs) / M::depth);
    const int n = (int)block.count;
    const bool saves = step.saved[0].data != nullptr;
    // In two rounds: a row's output waits for its cell, and a processor that looks ahead finds the next row's
    // independent work only if it is not far.
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      Real* cell = step.cell + (row + m) * step.cell_pitch + block.first;
      const V input = sigmoid<Real, W>(acc[m][0]);
      const V forget = sigmoid<Real, W>(acc[m][1]);
      const V candidate = tanh_of<Real, W>(acc[m][2]);
      const V written = rounded(input * candidate);
      const V c = forget * load<Real, W>(cell) + written;
      store<Real, W>(cell, c);
      acc[m][0] = c;
      if (saves) {
        put<M, W>(step.saved[0], places.saved[m], input, n);
        put<M, W>(step.saved[1], places.saved[m], forget, n);
        put<M, W>(step.saved[2], places.saved[m], candidate, n);
        store_first<Real, W>((Real*)step.saved[4].data + places.saved[m], c, n);
      }
    }
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const V output = sigmoid<Real, W>(acc[m][3]);
      const V h = output * tanh_of<Real, W>(acc[m][0]);
      keep<M, W>(step.hidden + (row + m) * step.hidden_pitch + block.first, h, block);
      if (step.out.data != nullptr) put<M, W>(step.out, places.out[m], h, n);
      if (saves) put<M, W>(step.saved[3], places.saved[m], output, n);
    }
  }

  /// From the gradient of h to those before the gates, of one row (of the slice) and block. `to` takes them.
  template <class M, int W, int NV>
  GATEWISE_INLINE void backward(const BackStep<M>& step, const Columns& block, int64_t row,
                                typename M::Stored* to) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    const Rows& rows = *step.rows;
    const int64_t r = step.first + row, unit = block.first, t = step.t;
    fetch_before<M>(step, r, unit);
    const V input = get<M, W>(step.saved[0], rows, t, r, block, unit);
    const V forget = get<M, W>(step.saved[1], rows, t, r, block, unit);
    const V candidate = get<M, W>(step.saved[2], rows, t, r, block, unit);
    const V output = get<M, W>(step.saved[3], rows, t, r, block, unit);
    const V squashed = tanh_of<Real, W>(get_real<M, W>(step.saved[4], rows, t, r, block));
    const V before = step.has_before(r)
                         ? get_real<M, W>(step.saved[4], rows, step.before, r, block)
                         : initial<M, W>(step.c0, rows, r, step.shape->layer.hidden, unit);
    const V dh = load<Real, W>(step.d_hidden + row * step.d_hidden_pitch + unit) +
                 get<M, W>(step.d_out, rows, t, r, block, unit);
    Real* cell = step.d_cell + row * step.d_cell_pitch + unit;
    const V one = splat<Real, W>(Real(1));
    const V through = dh * output;
    V dc = load<Real, W>(cell) + through * (one - squashed * squashed);
    V d_output = dh * squashed;
    V d_input = {}, d_forget = {}, d_candidate = {};
    if (step.gates_have_gradients) {
      d_input = get<M, W>(step.d_saved[0], rows, t, r, block, unit);
      d_forget = get<M, W>(step.d_saved[1], rows, t, r, block, unit);
      d_candidate = get<M, W>(step.d_saved[2], rows, t, r, block, unit);
      d_output += get<M, W>(step.d_saved[3], rows, t, r, block, unit);
      dc += get_real<M, W>(step.d_saved[4], rows, t, r, block);
    }
    d_input += dc * candidate;
    d_forget += dc * before;
    d_candidate += dc * input;
    store<Real, W>(cell, dc * forget);
    write<M, W>(to, d_input * (input - input * input), W);
    write<M, W>(to + W, d_forget * (forget - forget * forget), W);
    write<M, W>(to + 2 * W, d_candidate * (one - candidate * candidate), W);
    write<M, W>(to + 3 * W, d_output * (output - output * output), W);
    if (step.projected != nullptr)
      write<M, W>(step.projected + (step.index + row) * step.projected_pitch + unit, output * squashed, W);
  }
};

GATEWISE_END
