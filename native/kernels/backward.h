// The backward time loop, in chunks of steps. In each chunk every thread takes a slice of the rows through the
// steps, which leaves the gradients of the gates; then, while they are in cache, the threads share out the large
// products: the gradients of the weights, by weights, and that of the input, by rows. Each sum is formed in one
// order, whatever the number of threads: over a chunk in registers, then over the chunks in `Sums`.
#pragma once

#include "cells.h"
#include "pack.h"
#include "team.h"

GATEWISE_BEGIN

/// Rows of a chunk: enough for the large products to pay, few enough to stay in the second cache.
constexpr int64_t chunk_rows = 256;

GATEWISE_INLINE int64_t steps_of_chunk(int64_t batch) { return larger(1, chunk_rows / larger(1, batch)); }

/// Weights of one layer and direction, packed for the backward loop.
template <class M>
struct PackedBackward {
  Run *hidden_runs, *input_runs;
  int64_t hidden_count, input_count, hidden_depth, input_depth;  // of h, and of an x that is split: those of one head
  typename M::Stored *hidden, *input, *projection;  // per group of columns [k][vectors][width]; may be null

  static PackedBackward take(Carver& carver, const Shape<M>& shape, const Backward& call) {
    PackedBackward packed;
    // Of a head; rounded up to `depth` the runs of a block are up to four longer.
    const int64_t depth = round_up(shape.cell.gates * shape.head + 4 * shape.head_blocks, M::depth) * shape.heads;
    packed.hidden_runs = carver.take<Run>(4 * shape.blocks);
    packed.input_runs = carver.take<Run>(4 * shape.blocks);
    packed.hidden = carver.take<typename M::Stored>(column_lanes<M>(shape.layer.seen()) * depth);
    packed.input = packed.projection = nullptr;
    if (call.d_x.data != nullptr && shape.layer.input > 0)
      packed.input = carver.take<typename M::Stored>(column_lanes<M>(shape.layer.input) * depth);
    if (shape.layer.projection)
      packed.projection = carver.take<typename M::Stored>(column_lanes<M>(shape.layer.hidden) * shape.outputs);
    return packed;
  }
  void plan(const Shape<M>& shape) {
    hidden_count = gradient_runs<M>(shape, true, hidden_runs, &hidden_depth) / shape.heads;
    hidden_depth /= shape.heads;
    input_count = gradient_runs<M>(shape, false, input_runs, &input_depth) / input_parts(shape);
    input_depth /= input_parts(shape);
  }
  /// How many parts of x are seen by units of their own: heads, or one.
  static int64_t input_parts(const Shape<M>& shape) { return shape.layer.split ? shape.heads : 1; }
  /// The weights of a head that go from its gates to what they see of h.
  typename M::Stored* hidden_of(const Shape<M>& shape, int64_t head) const {
    return hidden + head * column_lanes<M>(shape.layer.seen()) * hidden_depth;
  }
  /// The same of a part of x.
  typename M::Stored* input_of(const Shape<M>& shape, int64_t seen) const {
    return input + seen * column_lanes<M>(shape.layer.input) * input_depth;
  }
  void fill(const Shape<M>& shape, const Weights& from, int part, int parts) const {
    using Stored = typename M::Stored;
    for (int64_t head = 0; head < shape.heads; ++head)
      pack_gradient<M>(shape, hidden_runs + head * hidden_count, hidden_count, hidden_depth, head * shape.head,
                       (head + 1) * shape.head, (const Stored*)from.W_hh, shape.layer.seen(), hidden_of(shape, head),
                       part, parts);
    const int64_t units = shape.layer.hidden / input_parts(shape);
    for (int64_t seen = 0; input != nullptr && seen < input_parts(shape); ++seen)
      pack_gradient<M>(shape, input_runs + seen * input_count, input_count, input_depth, seen * units, (seen + 1) * units,
                       (const Stored*)from.W_ih, shape.layer.input, input_of(shape, seen), part, parts);
    if (projection != nullptr)
      pack_columns<M>((const Stored*)from.W_hr, shape.layer.projection, shape.layer.hidden, projection, part,
                      parts);
  }
};

/// Sums over time, in the layout of packed weights.
template <class M>
struct Sums {
  typename M::Real *weights, *bias, *projection;
  typename M::Real* bias_low;  // what the bias' sums have lost to rounding

  static Sums take(Carver& carver, const Shape<M>& shape) {
    Sums sums;
    sums.weights = carver.take<typename M::Real>(shape.packed_lanes * shape.depth_of_step);
    sums.bias = carver.take<typename M::Real>(shape.slot_lanes);
    sums.bias_low = carver.take<typename M::Real>(shape.slot_lanes);
    sums.projection = nullptr;
    if (shape.layer.projection)
      sums.projection = carver.take<typename M::Real>(column_lanes<M>(shape.layer.hidden) * shape.outputs);
    return sums;
  }
};

/// What the steps of a chunk leave for the large products. Rows are counted step by step.
template <class M>
struct Chunk {
  typename M::Stored* gradients;  // per block [capacity][slots * width]
  typename M::Stored* inputs;     // [capacity][input_pitch] of [x | h before]
  typename M::Stored* d_hidden;   // [capacity][output_pitch]: gradient of h, with a projection
  typename M::Stored* projected;  // [capacity][unit_pitch]: o * tanh(c), with a projection
  int64_t capacity, input_pitch, output_pitch, unit_pitch;

  static Chunk take(Carver& carver, const Shape<M>& shape, int64_t capacity) {
    using Stored = typename M::Stored;
    Chunk chunk = {};
    chunk.capacity = capacity;
    chunk.input_pitch = shape.row_pitch();
    chunk.gradients = carver.take<Stored>(capacity * shape.slot_lanes);
    chunk.inputs = carver.take<Stored>(capacity * chunk.input_pitch);
    if (shape.layer.projection) {
      chunk.output_pitch = pitch_of<Stored>(shape.outputs + 4 * lanes<M>);
      chunk.unit_pitch = pitch_of<Stored>(shape.layer.hidden + 4 * lanes<M>);
      chunk.d_hidden = carver.take<Stored>(capacity * chunk.output_pitch);
      chunk.projected = carver.take<Stored>(capacity * chunk.unit_pitch);
    }
    return chunk;
  }
};

/// Gradients of the states between two steps, of all rows.
template <class M>
struct BackState {
  typename M::Real *d_hidden, *d_cell, *d_unprojected;  // rows of the pitches below; of d_cell one for each state
  int64_t output_pitch, unit_pitch;

  static BackState take(Carver& carver, const Shape<M>& shape, int64_t rows) {
    using Real = typename M::Real;
    BackState state = {};
    state.output_pitch = shape.unit_pitch(shape.outputs);
    state.unit_pitch = shape.unit_pitch(shape.layer.hidden);
    state.d_hidden = carver.take<Real>(rows * state.output_pitch);
    if (shape.cell.cells > 0) state.d_cell = carver.take<Real>(rows * shape.cell.cells * state.unit_pitch);
    if (shape.layer.projection) state.d_unprojected = carver.take<Real>(rows * state.unit_pitch);
    return state;
  }

  /// Row r of the gradient of state `index` beside h.
  typename M::Real* cell_row(const Shape<M>& shape, int index, int64_t r) const {
    return d_cell + (r * shape.cell.cells + index) * unit_pitch;
  }
};

/// The pointwise maths of `count` rows of a step.
template <class M, class C>
static void backward_rows(const BackStep<M>& step, int64_t count) {
  constexpr bool gated = traits<C>.gated;
  constexpr int full = lanes<M>, half = full / 2, vectors = gated ? traits<C>.slots() : 4;
  constexpr int64_t units = gated ? full : vectors * full;  // of a whole block
  const Shape<M>& shape = *step.shape;
  const int64_t whole = shape.head / units;  // blocks of a head
  for (int64_t row = 0; row < count; ++row) {
    const BackRow<M> back_row = BackRow<M>::template of<C>(step, row);
    const int64_t index = step.index + row;
    typename M::Stored* projected = step.projected == nullptr ? nullptr : step.projected + index * step.projected_pitch;
    typename M::Stored* block_of_all = step.gradients;  // a block's gradients, of all rows of the chunk
    for (int64_t begin = 0; begin < shape.layer.hidden; begin += shape.head) {
      for (int64_t i = 0; i < whole; ++i, block_of_all += vectors * full * step.capacity)
        C::template backward<M, full, vectors>(back_row, begin + i * units, units,
                                               block_of_all + index * (vectors * full), projected);
      const int64_t unit = begin + whole * units;
      if (unit == begin + shape.head) continue;
      const Columns last = shape.block_at(unit);
      const int64_t block_lanes = (int64_t)slots_of(shape.cell, last) * last.width;
      const auto body = [&]<int W, int NV>() {
        C::template backward<M, W, NV>(back_row, unit, (int)last.count, block_of_all + index * block_lanes, projected);
      };
      if constexpr (!gated) {
        for_columns<M>(last, body);
      } else if (last.width == full) {
        body.template operator()<full, vectors>();
      } else if constexpr (half * sizeof(typename M::Real) >= 16) {
        body.template operator()<half, vectors>();
      }
      block_of_all += block_lanes * step.capacity;
    }
  }
}

/// Gradient of h before the step, from those of the gates: gradients W_hh, added to d_hidden with `carry`.
template <class M>
static void to_hidden(const BackStep<M>& step, const PackedBackward<M>& packed, int64_t count, bool carry,
                      typename M::Real* d_hidden, int64_t pitch) {
  using Real = typename M::Real;
  const Shape<M>& shape = *step.shape;
  const int64_t total = shape.layer.seen();
  for (int64_t head = 0; head < shape.heads; ++head, d_hidden += total) {
    const Run* runs = packed.hidden_runs + head * packed.hidden_count;
    const typename M::Stored* weights = packed.hidden_of(shape, head);
    for (int64_t first = 0; first < total;) {
      const Columns columns = next_columns<M>(first, total);
      for_columns<M>(columns, [&]<int W, int NV>() {
        multiply_rows<M, W, NV>(
            runs, packed.hidden_count, step.gradients, step.capacity, step.index, count, weights,
            []<int V>(int64_t, int) __attribute__((always_inline)) { return Vec<Real, V>{}; },
            [&]<int V>(int64_t row, int n, Vec<Real, V> value) __attribute__((always_inline)) {
              Real* to = d_hidden + row * pitch + first + n * V;  // what is carried is large: it is added last
              // Nothing past the head's end: another head follows, and of a NaN even the product with no weight is NaN.
              store_first<Real, V>(to, carry ? load<Real, V>(to) + value : value, (int)smaller(V, total - first - n * V));
            });
      });
      weights += columns.lanes() * packed.hidden_depth;
      first += columns.count;
    }
  }
}

/// With a projection: the whole gradient of h into the chunk, and from it that of o * tanh(c).
template <class M>
static void through_projection(const BackStep<M>& step, const View& d_out, const PackedBackward<M>& packed,
                               const Chunk<M>& chunk, const typename M::Real* d_hidden, int64_t d_hidden_pitch,
                               typename M::Real* to, int64_t to_pitch, int64_t count) {
  using Real = typename M::Real;
  constexpr int W = lanes<M>;
  const Shape<M>& shape = *step.shape;
  const int64_t P = shape.layer.projection, H = shape.layer.hidden;
  // The sum stays in the chunk, because the gradient of W_hr multiplies it once more when the chunk is done.
  for (int64_t row = 0; row < count; ++row) {
    for (int64_t p = 0; p < P; p += W) {
      const Columns one_vector = {p, P - p, W, 1};
      const Vec<Real, W> value = load_first<Real, W>(d_hidden + row * d_hidden_pitch + p, (int)smaller(W, P - p)) +
                                 get<M, W>(d_out, *step.rows, step.t, step.first + row, one_vector, p);
      write<M, W>(chunk.d_hidden + (step.index + row) * chunk.output_pitch + p, value, W);
    }
  }
  const Run run = {0, chunk.output_pitch, 0, shape.outputs};
  const typename M::Stored* weights = packed.projection;
  for (int64_t first = 0; first < H;) {
    const Columns columns = next_columns<M>(first, H);
    for_columns<M>(columns, [&]<int V, int NV>() {
      multiply_rows<M, V, NV>(
          &run, 1, chunk.d_hidden, 0, step.index, count, weights,
          []<int L>(int64_t, int) __attribute__((always_inline)) { return Vec<Real, L>{}; },
          [&]<int L>(int64_t row, int n, Vec<Real, L> value) __attribute__((always_inline)) {
            store<Real, L>(to + row * to_pitch + first + n * L, value);
          });
    });
    weights += columns.lanes() * shape.outputs;
    first += columns.count;
  }
}

/// [x | h before] of `count` rows of a step, for the weights' gradients.
template <class M>
static void gather_inputs(const BackStep<M>& step, const View& x, const Chunk<M>& chunk, int64_t count) {
  using Stored = typename M::Stored;
  const Shape<M>& shape = *step.shape;
  const int64_t I = shape.layer.input * PackedBackward<M>::input_parts(shape), P = shape.layer.outputs();
  for (int64_t row = 0; row < count; ++row) {
    const int64_t r = step.first + row;
    Stored* to = chunk.inputs + (step.index + row) * chunk.input_pitch;
    copy(to, at<Stored>(x, *step.rows, step.t, r), I);
    to += shape.across;
    if (step.has_before(r)) {
      copy(to, at<Stored>(step.out, *step.rows, step.before, r), P);
    } else if (step.h0 != nullptr) {
      store_reals<M>(to, step.h0 + batch_row(*step.rows, r) * P, P);
    } else {
      memset(to, 0, sizeof(Stored) * (size_t)P);
    }
  }
}

GATEWISE_END
