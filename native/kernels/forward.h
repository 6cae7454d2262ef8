// The forward time loop: a slice of the batch goes through all the steps. Heads see nothing of one another, so each
// is taken through them as a layer of its own: its weights then stay in the nearest caches from step to step.
#pragma once

#include "cells.h"
#include "gatewise/scratch.h"
#include "gatewise/threads.h"
#include "pack.h"

GATEWISE_BEGIN

/// Weights of one layer and direction, packed.
template <class M>
struct PackedForward {
  typename M::Stored* weights;     // per block [k][vectors][width]
  typename M::Real* bias;          // per block [slots][width]
  typename M::Stored* projection;  // per group of outputs [unit][vectors][width], or null

  static PackedForward take(Carver& carver, const Shape<M>& shape) {
    PackedForward packed;
    packed.weights = carver.take<typename M::Stored>(shape.packed_lanes * shape.depth_of_step);
    packed.bias = carver.take<typename M::Real>(shape.slot_lanes);
    packed.projection = nullptr;
    if (shape.layer.projection)
      packed.projection = carver.take<typename M::Stored>(column_lanes<M>(shape.layer.projection) *
                                                       round_up(shape.layer.hidden, M::depth));
    return packed;
  }

  /// Pack blocks of units [begin, end) and, of the projection, part `part` of `parts`.
  void fill(const Shape<M>& shape, const Weights& weights_, int64_t begin, int64_t end, int part, int parts) const {
    pack_forward<M>(shape, weights_, weights, bias, begin, end);
    if (projection != nullptr) pack_projection<M>(shape, weights_, projection, part, parts);
  }

  /// Those of one head.
  PackedForward of_head(const Shape<M>& shape, int64_t head) const {
    PackedForward packed = *this;
    packed.weights += shape.packed_lanes / shape.heads * shape.depth_of_step * head;
    packed.bias += shape.slot_lanes / shape.heads * head;
    return packed;
  }
};

/// With so few rows the weights are read faster than they are used: W_ih x is then formed for many steps at a time.
constexpr int64_t few_rows = 3, steps_ahead = 64;

/// Memory of one slice of rows that goes through the steps.
template <class M>
struct SliceState {
  typename M::Stored* input[2];   // [rows][pitch] of [x | h], by turns
  typename M::Real* cell;         // [rows][cell_pitch] of the states beside h, cell_stride apart
  typename M::Stored* unprojected;  // [rows][unprojected_pitch]: o * tanh(c), with a projection
  typename M::Stored* ahead;      // [steps_ahead * rows][ahead_pitch]: x of some steps
  typename M::Real* products;     // [steps_ahead * rows][slot_lanes]: W_ih x + b of them
  int64_t pitch, cell_pitch, cell_stride, unprojected_pitch, ahead_pitch;

  static SliceState take(Carver& carver, const Shape<M>& shape, int64_t rows, bool looks_ahead) {
    SliceState state = {};
    state.pitch = shape.row_pitch();
    state.cell_stride = shape.unit_pitch(shape.layer.hidden);
    state.cell_pitch = shape.cell.cells * state.cell_stride;
    state.unprojected_pitch = pitch_of<typename M::Stored>(shape.layer.hidden + 4 * lanes<M>);
    for (auto& input : state.input) input = carver.take<typename M::Stored>(rows * state.pitch);
    if (shape.cell.cells > 0) state.cell = carver.take<typename M::Real>(rows * state.cell_pitch);
    if (shape.layer.projection)
      state.unprojected = carver.take<typename M::Stored>(rows * state.unprojected_pitch);
    state.ahead_pitch = pitch_of<typename M::Stored>(shape.inputs);
    if (looks_ahead) {
      state.ahead = carver.take<typename M::Stored>(steps_ahead * rows * state.ahead_pitch);
      state.products = carver.take<typename M::Real>(steps_ahead * rows * shape.slot_lanes);
    }
    return state;
  }

  /// Row r of state `index` beside h.
  typename M::Real* cell_row(int index, int64_t r) const { return cell + r * cell_pitch + index * cell_stride; }

  /// Let the states of rows [0, count) be what they begin with; h and the memory of all are zeros.
  void begin(const CellTraits& traits, int64_t count) const {
    for (int i = 0; i < traits.cells; ++i)
      for (int64_t r = 0; traits.starts[i] != 0 && r < count; ++r)
        for (int64_t unit = 0; unit < cell_stride; ++unit) cell_row(i, r)[unit] = (typename M::Real)traits.starts[i];
  }
};

/// All blocks of one step, for `count` rows of a slice. `backwards` takes the last block first: the weights that a
/// step has read last are still in the nearest cache when the next begins with them.
template <class M, class C>
static void forward_blocks(const Step<M>& step, const PackedForward<M>& packed, int64_t count, bool backwards) {
  const Shape<M>& shape = *step.shape;
  const Columns whole = shape.block_at(0);  // every block but the last is like the first
  const int64_t whole_slots = (int64_t)slots_of(shape.cell, whole) * whole.width;
  for (int64_t i = 0; i < shape.blocks; ++i) {
    const int64_t index = backwards ? shape.blocks - 1 - i : i;
    const Columns block = shape.block_at(index * whole.count);
    const typename M::Stored* weights = packed.weights + shape.depth_of_step * index * whole.lanes() +
                                        (shape.inputs - step.x_depth) * block.lanes();
    const typename M::Real* start = step.start + index * whole_slots;
    const auto tiles = [&]<int W, int NV>() {
      for_tiles(count, [&]<int MR>(int64_t row) {
        C::template forward<M, W, MR, NV>(step, block, row, weights, start);
      });
    };
    if constexpr (traits<C>.gated) {
      constexpr int full = lanes<M>, half = full / 2, slots = traits<C>.slots();
      if (block.width == full) {
        tiles.template operator()<full, slots>();
      } else if constexpr (half * sizeof(typename M::Real) >= 16) {
        tiles.template operator()<half, slots>();
      }
    } else {
      for_columns<M>(block, tiles);
    }
  }
}

/// h = W_hr m of one step, for `count` rows of a slice.
template <class M>
static void project(const Step<M>& step, const PackedForward<M>& packed, const typename M::Stored* from,
                    int64_t from_pitch, typename M::Stored* to, View out, int64_t count) {
  const Shape<M>& shape = *step.shape;
  const int64_t hidden = round_up(shape.layer.hidden, M::depth), total = shape.layer.projection;
  const typename M::Stored* weights = packed.projection;
  const Run run = {0, from_pitch, 0, hidden};
  for (int64_t first = 0; first < total;) {
    const Columns columns = next_columns<M>(first, total);
    for_columns<M>(columns, [&]<int W, int NV>() {
      multiply_rows<M, W, NV>(
          &run, 1, from, 0, 0, count, weights,
          []<int V>(int64_t, int) __attribute__((always_inline)) { return Vec<typename M::Real, V>{}; },
          [&]<int V>(int64_t row, int n, Vec<typename M::Real, V> value) __attribute__((always_inline)) {
            const int64_t unit = first + n * V;
            const Columns one_vector = {unit, total - unit, V, 1};
            keep<M, V>(to + row * step.pitch + unit, value, one_vector);
            if (out.data != nullptr)
              put<M, V>(out, place(out, *step.rows, step.t, step.first + row) + unit, value, (int)smaller(V, one_vector.count));
          });
    });
    weights += columns.lanes() * hidden;
    first += columns.count;
  }
}

/// W_ih x + b of the steps [from, to) in the direction's order, for a slice of few rows.
template <class M>
static void look_ahead(const Shape<M>& shape, const Rows& rows, const Forward& call, const PackedForward<M>& packed,
                       const SliceState<M>& state, int64_t first, int64_t count, int64_t from, int64_t to) {
  using Real = typename M::Real;
  for (int64_t s = from; s < to; ++s) {
    const int64_t t = call.reverse ? rows.steps - 1 - s : s, live = smaller(active(rows, t) - first, count);
    for (int64_t r = 0; r < live; ++r)
      copy(state.ahead + ((s - from) * count + r) * state.ahead_pitch, at<typename M::Stored>(call.x, rows, t, first + r),
           shape.layer.input);
  }
  // All these steps at once: a block's weights stay in the nearest cache for all of them.
  const Run run = {0, state.ahead_pitch, 0, shape.inputs};
  const typename M::Stored* weights = packed.weights;
  int64_t lane = 0;
  for (int64_t unit = 0; unit < shape.layer.hidden;) {
    const Columns block = shape.block_at(unit);
    for_columns<M>(block, [&]<int W, int NV>() {
      Real* to_block = state.products + lane;
      const Real* bias = packed.bias + lane;
      const bool apart = shape.cell.apart;
      multiply_rows<M, W, NV>(
          &run, 1, state.ahead, 0, 0, (to - from) * count, weights,
          [&]<int V>(int64_t, int n) __attribute__((always_inline)) { return load<Real, V>(bias + n * V); },
          [&]<int V>(int64_t row, int n, Vec<Real, V> value) __attribute__((always_inline)) {
            store<Real, V>(to_block + row * shape.slot_lanes + n * V, value);
            // the bias of h's product, which is added in the step itself: once a row will do
            if (apart && n == 0)
              store<Real, V>(to_block + row * shape.slot_lanes + NV * V, load<Real, V>(bias + NV * V));
          });
    });
    weights += shape.depth_of_step * block.lanes();
    lane += (int64_t)slots_of(shape.cell, block) * block.width;
    unit += block.count;
  }
}

/// One step of a layer without heads, whatever its cell, for `count` rows of a slice. Not static: stream.cpp takes the functions
/// that forward_f32.cpp and forward_f64.cpp compile, which halves the time that this set takes to compile.
template <class M>
void forward_layer(const Step<M>& step, const PackedForward<M>& packed, const SliceState<M>& state,
                          typename M::Stored* next, const View& out, int64_t count, bool backwards) {
  const Shape<M>& shape = *step.shape;
  with_cell(shape.layer.cell, [&]<class C>() { forward_blocks<M, C>(step, packed, count, backwards); });
  if (shape.layer.projection)
    project<M>(step, packed, state.unprojected, state.unprojected_pitch, next + shape.inputs, out, count);
}

/// Read the initial states of rows [first, first + count) into a slice's memory.
template <class M>
static void begin_states(const Shape<M>& shape, const Rows& rows, const Forward& call, SliceState<M>& state,
                         int64_t first, int64_t count) {
  using Real = typename M::Real;
  const int64_t P = shape.layer.outputs(), H = shape.layer.hidden;
  state.begin(shape.cell, count);
  for (int64_t r = 0; r < count; ++r) {
    const int64_t b = batch_row(rows, first + r);
    if (call.h0 != nullptr) {
      for (auto* input : state.input)
        store_reals<M>(input + r * state.pitch + shape.inputs, (const Real*)call.h0 + b * shape.state_row(), P);
    }
    for (int i = 0; i < shape.cell.cells; ++i)
      if (call.c0[i] != nullptr)
        memcpy(state.cell_row(i, r), (const Real*)call.c0[i] + b * shape.whole, sizeof(Real) * (size_t)H);
  }
}

/// Write the final states of rows [begin, end) of a slice, whose h stands in `input`.
template <class M>
static void end_states(const Shape<M>& shape, const Rows& rows, const Forward& call,
                       const SliceState<M>& state, const typename M::Stored* input, int64_t first,
                       int64_t begin, int64_t end) {
  using Real = typename M::Real;
  const int64_t P = shape.layer.outputs(), H = shape.layer.hidden;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t b = batch_row(rows, first + r);
    if (call.h_n != nullptr)
      load_reals<M>((Real*)call.h_n + b * shape.state_row(), input + r * state.pitch + shape.inputs, P);
    for (int i = 0; i < shape.cell.cells; ++i)
      if (call.c_n[i] != nullptr)
        memcpy((Real*)call.c_n[i] + b * shape.whole, state.cell_row(i, r), sizeof(Real) * (size_t)H);
  }
}

/// A call's arrays from the first unit of a head on; products W_ih x too, whose gates stay a layer's units apart, and of an
/// x that is split the head's part.
template <class M>
static Forward call_of_head(const Shape<M>& shape, const Forward& call, int64_t head) {
  using Real = typename M::Real;
  using Stored = typename M::Stored;
  const int64_t unit = head * shape.head;
  if (unit == 0) return call;
  Forward part = call;
  if (shape.layer.input == 0) part.x.data = (Stored*)call.x.data + unit;
  if (shape.layer.split) part.x.data = (Stored*)call.x.data + head * shape.layer.input;
  part.out.data = (Stored*)call.out.data + unit;
  if (call.h0 != nullptr) part.h0 = (const Real*)call.h0 + unit;
  if (call.h_n != nullptr) part.h_n = (Real*)call.h_n + unit;
  for (int i = 0; i < shape.cell.cells; ++i) {
    if (call.c0[i] != nullptr) part.c0[i] = (const Real*)call.c0[i] + unit;
    if (call.c_n[i] != nullptr) part.c_n[i] = (Real*)call.c_n[i] + unit;
  }
  const int stored = shape.cell.saved - shape.cell.cells;
  for (int i = 0; i < shape.cell.saved; ++i)
    if (call.saved[i].data != nullptr)
      part.saved[i].data = i < stored ? (void*)((Stored*)call.saved[i].data + unit) : (void*)((Real*)call.saved[i].data + unit);
  return part;
}

/// Take rows [first, first + count) of a layer without heads through all the steps. The state's memory is zeros.
template <class M>
static void forward_slice(const Shape<M>& shape, const Rows& rows, const Forward& call,
                          const PackedForward<M>& packed, SliceState<M>& state, int64_t first,
                          int64_t count) {
  if (count <= 0) return;
  begin_states(shape, rows, call, state, first, count);
  const auto live = [&](int64_t t) { return larger(0, smaller(active(rows, t) - first, count)); };
  Step<M> step = {};
  step.shape = &shape;
  step.rows = &rows;
  step.first = first;
  step.pitch = state.pitch;
  const bool ahead = state.ahead != nullptr;
  step.x_depth = ahead ? 0 : shape.inputs;
  step.start = ahead ? state.products : packed.bias;
  step.start_pitch = ahead ? shape.slot_lanes : 0;
  if (shape.layer.input == 0) step.products = call.x;
  step.cell = state.cell;
  step.cell_pitch = state.cell_pitch;
  step.cell_stride = state.cell_stride;
  if (!shape.layer.projection) step.out = call.out;
  for (int i = 0; i < max_saved; ++i) step.saved[i] = call.saved[i];
  const int64_t longest = live(0);
  end_states(shape, rows, call, state, state.input[0], first, longest, count);  // rows without a step
  for (int64_t s = 0; s < rows.steps; ++s) {
    const int64_t t = call.reverse ? rows.steps - 1 - s : s, n = live(t);
    if (n == 0 && !ahead) continue;
    typename M::Stored *now = state.input[s & 1], *next = state.input[(s + 1) & 1];
    if (ahead) {
      const int64_t place = s % steps_ahead;
      if (place == 0)
        look_ahead<M>(shape, rows, call, packed, state, first, count, s, smaller(s + steps_ahead, rows.steps));
      step.start = state.products + place * count * shape.slot_lanes;
    } else {
      for (int64_t r = 0; r < n; ++r)
        copy(now + r * state.pitch, at<typename M::Stored>(call.x, rows, t, first + r), shape.layer.input);
    }
    step.t = t;
    step.count = n;
    step.input = now + shape.inputs - step.x_depth;
    step.hidden = shape.layer.projection ? state.unprojected : next + shape.inputs;
    step.hidden_pitch = shape.layer.projection ? state.unprojected_pitch : state.pitch;
    forward_layer<M>(step, packed, state, next, call.out, n, s & 1);
    const int64_t after = call.reverse ? (t == 0 ? 0 : n) : live(t + 1);
    end_states(shape, rows, call, state, next, first, after, n);
  }
}

GATEWISE_END
