// The GRU's pointwise maths; the equations stand in src/gatewise/cells/gru.py.
#pragma once

#include "backstep.h"
#include "step.h"

GATEWISE_BEGIN

struct Gru {
  static constexpr bool gated = true;
  /// Advance MR rows of one block by one step. The candidate's products with x and h stay apart.
  template <class M, int W, int MR, int NV>
  GATEWISE_INLINE void forward(const Step<M>& step, const Columns& block, int64_t row,
                               const typename M::Stored* weights, const typename M::Real* start) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    const Shape<M>& shape = *step.shape;
    const Places<M, MR> places = Places<M, MR>::of(step, row, block.first);
    V acc[MR][4];
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m)
#pragma GCC unroll 8
      for (int n = 0; n < 4; ++n) acc[m][n] = load<Real, W>(start + (row + m) * step.start_pitch + n * W);
    const typename M::Stored* from = step.input + row * step.pitch;
    accumulate<M, W, MR, 4, 0, 1, 2>(acc, from, step.pitch, weights, step.x_depth / M::depth);
    accumulate<M, W, MR, 4, 0, 1, 3>(acc, from + step.x_depth, step.pitch, weights + step.x_depth * 3 * W,
                                     shape.outputs / M::depth);
    const int64_t unit = block.first;
    const int n = (int)block.count;
    const bool saves = step.saved[0].data != nullptr;
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {  // in two rounds: see lstm.h
      acc[m][0] = sigmoid<Real, W>(acc[m][0]);
      if (saves) {
        put<M, W>(step.saved[0], places.saved[m], acc[m][0], n);
        put<M, W>(step.saved[3], places.saved[m], acc[m][3], n);
      }
    }
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      const V update = sigmoid<Real, W>(acc[m][1]);
      const V candidate = tanh_of<Real, W>(acc[m][2] + acc[m][0] * acc[m][3]);
      const V before = read<M, W>(step.input + (row + m) * step.pitch + step.x_depth + unit, W);
      const V h = candidate + update * (before - candidate);
      keep<M, W>(step.hidden + (row + m) * step.hidden_pitch + unit, h, block);
      if (step.out.data != nullptr) put<M, W>(step.out, places.out[m], h, n);
      if (saves) {
        put<M, W>(step.saved[1], places.saved[m], update, n);
        put<M, W>(step.saved[2], places.saved[m], candidate, n);
      }
    }
  }

  /// From the gradient of h to those before the gates; what passes straight to the step before stays in d_hidden.
  template <class M, int W, int NV>
  GATEWISE_INLINE void backward(const BackStep<M>& step, const Columns& block, int64_t row,
                                typename M::Stored* to) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    const Rows& rows = *step.rows;
    const int64_t r = step.first + row, unit = block.first, t = step.t;
    fetch_before<M>(step, r, unit);
    const V reset = get<M, W>(step.saved[0], rows, t, r, block, unit);
    const V update = get<M, W>(step.saved[1], rows, t, r, block, unit);
    const V candidate = get<M, W>(step.saved[2], rows, t, r, block, unit);
    const V inner = get<M, W>(step.saved[3], rows, t, r, block, unit);
    const V before = step.has_before(r) ? get<M, W>(step.out, rows, step.before, r, block, unit)
                                        : initial<M, W>(step.h0, rows, r, step.shape->layer.hidden, unit);
    Real* hidden = step.d_hidden + row * step.d_hidden_pitch + unit;
    const V dh = load<Real, W>(hidden) + get<M, W>(step.d_out, rows, t, r, block, unit);
    const V one = splat<Real, W>(Real(1));
    const V carried = dh * update;
    V d_reset = {}, d_update = {}, d_candidate = {};
    if (step.gates_have_gradients) {
      d_reset = get<M, W>(step.d_saved[0], rows, t, r, block, unit);
      d_update = get<M, W>(step.d_saved[1], rows, t, r, block, unit);
      d_candidate = get<M, W>(step.d_saved[2], rows, t, r, block, unit);
    }
    d_update += dh * (before - candidate);
    d_candidate += dh * (one - update);
    d_candidate *= one - candidate * candidate;
    d_reset += d_candidate * inner;
    store<Real, W>(hidden, carried);
    write<M, W>(to, d_reset * (reset - reset * reset), W);
    write<M, W>(to + W, d_update * (update - update * update), W);
    write<M, W>(to + 2 * W, d_candidate, W);
    write<M, W>(to + 3 * W, d_candidate * reset, W);
  }
};

GATEWISE_END
