// The simple RNN's pointwise maths; the equations stand in src/gatewise/cells/rnn.py.
#pragma once

#include "backstep.h"
#include "step.h"

GATEWISE_BEGIN

template <bool relu>
struct Rnn {
  static constexpr Cell cell = relu ? Cell::rnn_relu : Cell::rnn_tanh;
  /// Advance MR rows of one block of NV vectors by one step.
  template <class M, int W, int MR, int NV>
  GATEWISE_INLINE void forward(const Step<M>& step, const Columns& block, int64_t row,
                               const typename M::Stored* weights, const typename M::Real* start) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
    const Places<M, MR> places = Places<M, MR>::template of<Rnn>(step, row, block.first);
    V acc[MR][NV];
    begin_sums<M, W, MR, NV>(acc, step, block, row, start);
    sum_products<M, W, MR, NV>(acc, step, row, weights);
    // One round is enough: h follows from its own sum alone, so nothing waits as in lstm.h.
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
      if constexpr (!relu) activate<Real, W, ~0u>(acc[m]);
#pragma GCC unroll 8
      for (int n = 0; n < NV; ++n) {
        const int64_t unit = block.first + n * W;
        const V zero = {};
        V h = acc[m][n];
        if constexpr (relu) h = h < zero ? zero : h;
        const Columns one_vector = {unit, block.first + block.count - unit, W, 1};
        keep<M, W>(step.hidden + (row + m) * step.hidden_pitch + unit, h, one_vector);
        if (step.out.data != nullptr) put<M, W>(step.out, places.out[m] + n * W, h, (int)smaller(W, one_vector.count));
      }
    }
  }

  /// From the gradient of h to the one before the activation, of n units of one row.
  template <class M, int W, int NV>
  GATEWISE_INLINE void backward(const BackRow<M>& row, int64_t first, int n, typename M::Stored* to,
                                typename M::Stored*) {
    using Real = typename M::Real;
    using V = Vec<Real, W>;
#pragma GCC unroll 8
    for (int i = 0; i < NV; ++i) {
      const int64_t unit = first + i * W;
      const int count = (int)smaller(W, n - i * W);
      const V h = read<M, W>(row.out + unit, count);
      const V dh = load_first<Real, W>(row.d_hidden + unit, count) + get<M, W>(row.d_out, unit, count);
      const V zero = {};
      if constexpr (relu) {
        write<M, W>(to + i * W, h <= zero ? zero : dh, W);
      } else {
        write<M, W>(to + i * W, dh * (splat<Real, W>(Real(1)) - h * h), W);
      }
    }
  }
};

GATEWISE_END
