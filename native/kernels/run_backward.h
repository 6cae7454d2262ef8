// A backward call: scratch memory, threads, chunks, and the large products of each chunk.
#pragma once

#include "backward.h"
#include "gatewise/scratch.h"

GATEWISE_BEGIN

/// Everything that one direction works with.
template <class M>
struct BackwardWork {
  using Real = typename M::Real;
  using Stored = typename M::Stored;
  PackedBackward<M> packed;
  Sums<M> sums;
  BackState<M> state;
  Chunk<M> chunks[2];  // by turns: one is filled while a slower thread still reads the other
  int64_t* offsets;    // [steps of a chunk + 1] where each step's rows begin in the chunk
  // Two k of a product side by side: copies of a chunk's arrays as [row / 2][pitch][2]; with depth 2.
  Stored *input_pairs, *gradient_pairs, *d_hidden_pairs, *projected_pairs;

  static BackwardWork take(Carver& carver, const Shape<M>& shape, const Rows& rows, const Backward& call) {
    BackwardWork own = {};
    const int64_t steps = smaller(steps_of_chunk(rows.batch), larger(1, rows.steps));
    const int64_t capacity = round_up(steps * rows.batch, 2);
    own.packed = PackedBackward<M>::take(carver, shape, call);
    if (call.sums == nullptr) own.sums = Sums<M>::take(carver, shape);
    own.state = BackState<M>::take(carver, shape, rows.batch);
    for (auto& chunk : own.chunks) chunk = Chunk<M>::take(carver, shape, capacity);
    own.offsets = carver.take<int64_t>(2 * (steps + 1));
    if constexpr (M::depth == 2) {
      const Chunk<M>& chunk = own.chunks[0];
      own.input_pairs = carver.take<Stored>(capacity * chunk.input_pitch);
      own.gradient_pairs = carver.take<Stored>(capacity * shape.slot_lanes);
      own.d_hidden_pairs = carver.take<Stored>(capacity * chunk.output_pitch);
      own.projected_pairs = carver.take<Stored>(capacity * chunk.unit_pitch);
    }
    return own;
  }
};

/// to[q / 2][column][q % 2] = from[q][column] for row pairs [begin, end); an odd last row's partner is 0.
template <class Stored>
static void interleave(const Stored* from, int64_t pitch, int64_t rows, Stored* to, int64_t begin, int64_t end) {
  for (int64_t pair = begin; pair < end; ++pair) {
    const Stored *one = from + 2 * pair * pitch, *other = one + pitch;
    const bool both = 2 * pair + 1 < rows;
    Stored* out = to + 2 * pair * pitch;
    for (int64_t c = 0; c < pitch; ++c) {
      out[2 * c] = one[c];
      out[2 * c + 1] = both ? other[c] : Stored(0);
    }
  }
}

/// Rows of a chunk (pairs of them) whose gradients of one block stay in the first cache while all their k go by.
constexpr int64_t outer_depth = 64;

template <class M>
struct BackwardJob {
  using Real = typename M::Real;
  using Stored = typename M::Stored;
  const Shape<M>& shape;
  const Rows& rows;
  const Backward* calls;
  int count;
  BackwardWork<M> works[2];
  Barrier barriers[2];

  void work(int thread, int threads) {
    for_shares(count, thread, threads, barriers, [&](const Share& own) { run_direction(own); });
  }

  void run_direction(const Share& own) {
    const Backward& call = calls[own.direction];
    BackwardWork<M>& mine = works[own.direction];
    begin(own, call, mine);
    own.wait();
    const int64_t steps = steps_of_chunk(rows.batch);
    const int64_t last = rows.batch == 0 ? -1 : (rows.steps + steps - 1) / steps - 1;
    for (int64_t c = last; c >= 0; --c) {
      const int64_t from = c * steps, to = smaller(from + steps, rows.steps);
      const Chunk<M>& chunk = mine.chunks[c & 1];
      int64_t* offsets = mine.offsets + (c & 1) * (smaller(steps, larger(1, rows.steps)) + 1);
      const int64_t total = walk(own, call, mine, chunk, offsets, from, to);
      own.wait();
      if constexpr (M::depth == 2) {
        make_pairs(own, mine, chunk, total);
        own.wait();
      }
      sum_weights(own, mine, chunk, total);
      if (call.d_x.data != nullptr) to_input(own, call, mine, chunk, offsets, from, to);
    }
    own.wait();
    finish(own, call, mine);
  }

  /// Pack weights, clear sums, and read the gradients of the final states.
  void begin(const Share& own, const Backward& call, BackwardWork<M>& mine) const {
    mine.packed.fill(shape, call.weights, own.part, own.parts);
    if (call.sums != nullptr && call.begin && own.part == 0) memset(call.sums, 0, bytes_of_sums());
    const int64_t P = shape.layer.outputs(), H = shape.layer.hidden;
    const int64_t end = share(rows.batch, own.part + 1, own.parts);
    for (int64_t r = share(rows.batch, own.part, own.parts); r < end; ++r) {
      const int64_t b = batch_row(rows, r);
      if (call.d_h_n != nullptr)
        memcpy(mine.state.d_hidden + r * mine.state.output_pitch, (const Real*)call.d_h_n + b * P,
               sizeof(Real) * (size_t)P);
      if (mine.state.d_cell != nullptr && call.d_c_n != nullptr)
        memcpy(mine.state.d_cell + r * mine.state.unit_pitch, (const Real*)call.d_c_n + b * H,
               sizeof(Real) * (size_t)H);
    }
  }

  size_t bytes_of_sums() const {
    Carver carver = {nullptr, 0};
    Sums<M>::take(carver, shape);
    return carver.used;
  }

  /// Write the gradients of the initial states and, after the last segment, of the parameters.
  void finish(const Share& own, const Backward& call, const BackwardWork<M>& mine) const {
    const int64_t P = shape.layer.outputs(), H = shape.layer.hidden;
    const int64_t end = share(rows.batch, own.part + 1, own.parts);
    for (int64_t r = share(rows.batch, own.part, own.parts); r < end; ++r) {
      const int64_t b = batch_row(rows, r);
      if (call.d_h0 != nullptr)
        memcpy((Real*)call.d_h0 + b * P, mine.state.d_hidden + r * mine.state.output_pitch,
               sizeof(Real) * (size_t)P);
      if (mine.state.d_cell != nullptr && call.d_c0 != nullptr)
        memcpy((Real*)call.d_c0 + b * H, mine.state.d_cell + r * mine.state.unit_pitch,
               sizeof(Real) * (size_t)H);
    }
    if (call.sums != nullptr && !call.finish) return;
    unpack_sums<M>(shape, mine.sums.weights, mine.sums.bias, call, own.part, own.parts);
    if (call.d_W_hr != nullptr && own.part == 0) unpack_projection(call, mine);
  }

  void unpack_projection(const Backward& call, const BackwardWork<M>& mine) const {
    const int64_t P = shape.layer.projection, H = shape.layer.hidden;
    const Real* from = mine.sums.projection;
    for (int64_t first = 0; first < H;) {
      const Columns columns = next_columns<M>(first, H);
      for (int64_t p = 0; p < P; ++p)
        memcpy((Real*)call.d_W_hr + p * H + first, from + p * columns.lanes(), sizeof(Real) * (size_t)columns.count);
      from += columns.lanes() * shape.outputs;
      first += columns.count;
    }
  }

  /// Take this thread's rows through the steps [from, to) of a chunk, last first. Returns the chunk's rows.
  int64_t walk(const Share& own, const Backward& call, BackwardWork<M>& mine, const Chunk<M>& chunk,
               int64_t* offsets, int64_t from, int64_t to) {
    const auto time = [&](int64_t s) { return call.reverse ? rows.steps - 1 - s : s; };
    int64_t total = 0, most = 0;
    for (int64_t s = from; s < to; ++s) {
      if (own.part == 0) offsets[s - from] = total;
      total += active(rows, time(s));
      most = larger(most, active(rows, time(s)));
    }
    const int64_t first = share(most, own.part, own.parts), count = share(most, own.part + 1, own.parts) - first;
    BackStep<M> step = first_step(call, mine, chunk, first);
    int64_t offset = total;
    for (int64_t s = to - 1; s >= from; --s) {
      step.t = time(s);
      step.before = call.reverse ? step.t + 1 : step.t - 1;
      step.before_rows = active(rows, step.before);
      offset -= active(rows, step.t);
      step.index = offset + first;
      const int64_t n = larger(0, smaller(active(rows, step.t) - first, count));
      if (n > 0) one_step(call, mine, chunk, step, n);
    }
    return total;
  }

  BackStep<M> first_step(const Backward& call, const BackwardWork<M>& mine, const Chunk<M>& chunk,
                         int64_t first) const {
    BackStep<M> step = {};
    step.shape = &shape;
    step.rows = &rows;
    step.first = first;
    step.out = call.out;
    step.h0 = (const Real*)call.h0;
    step.c0 = (const Real*)call.c0;
    for (int i = 0; i < max_saved; ++i) {
      step.saved[i] = call.saved[i];
      step.d_saved[i] = call.d_saved[i];
      step.gates_have_gradients |= call.d_saved[i].data != nullptr;
    }
    const bool projected = shape.layer.projection != 0;
    if (!projected) step.d_out = call.d_out;
    step.d_hidden_pitch = projected ? mine.state.unit_pitch : mine.state.output_pitch;
    step.d_hidden = (projected ? mine.state.d_unprojected : mine.state.d_hidden) + first * step.d_hidden_pitch;
    step.d_cell_pitch = mine.state.unit_pitch;
    step.d_cell = mine.state.d_cell == nullptr ? nullptr : mine.state.d_cell + first * step.d_cell_pitch;
    step.gradients = chunk.gradients;
    step.capacity = chunk.capacity;
    step.projected = chunk.projected;
    step.projected_pitch = chunk.unit_pitch;
    return step;
  }

  void one_step(const Backward& call, const BackwardWork<M>& mine, const Chunk<M>& chunk, const BackStep<M>& step,
                int64_t n) const {
    const int64_t pitch = mine.state.output_pitch;
    Real* d_hidden = mine.state.d_hidden + step.first * pitch;
    if (shape.layer.projection)
      through_projection<M>(step, call.d_out, mine.packed, chunk, d_hidden, pitch, step.d_hidden,
                            step.d_hidden_pitch, n);
    with_cell(shape.layer.cell, [&]<class C>() { backward_rows<M, C>(step, n); });
    to_hidden<M>(step, mine.packed, n, shape.cell.carries_h, d_hidden, pitch);
    gather_inputs<M>(step, call.x, chunk, n);
  }

  /// This thread's part of the copies that have two rows side by side.
  void make_pairs(const Share& own, const BackwardWork<M>& mine, const Chunk<M>& chunk, int64_t total) const {
    const int64_t pairs = (total + 1) / 2;
    const int64_t begin = share(pairs, own.part, own.parts), end = share(pairs, own.part + 1, own.parts);
    interleave(chunk.inputs, chunk.input_pitch, total, mine.input_pairs, begin, end);
    int64_t before = 0;
    for (int64_t unit = 0; unit < shape.layer.hidden;) {
      const Columns block = shape.block_at(unit);
      const int64_t block_lanes = (int64_t)slots_of(shape.cell, block) * block.width;
      interleave(chunk.gradients + before * chunk.capacity, block_lanes, total,
                 mine.gradient_pairs + before * chunk.capacity, begin, end);
      before += block_lanes;
      unit += block.count;
    }
    if (shape.layer.projection) {
      interleave(chunk.d_hidden, chunk.output_pitch, total, mine.d_hidden_pairs, begin, end);
      interleave(chunk.projected, chunk.unit_pitch, total, mine.projected_pairs, begin, end);
    }
  }

  /// This thread's part of the weights' gradients: some k of some blocks.
  void sum_weights(const Share& own, const BackwardWork<M>& mine, const Chunk<M>& chunk, int64_t total) const {
    const bool pairs = M::depth == 2;
    const int64_t K = shape.depth_of_step, depth = (total + M::depth - 1) / M::depth;
    const int64_t begin = share(shape.blocks * K, own.part, own.parts);
    const int64_t end = share(shape.blocks * K, own.part + 1, own.parts);
    const Stored* inputs = pairs ? mine.input_pairs : chunk.inputs;
    const Stored* panel = pairs ? mine.gradient_pairs : chunk.gradients;
    Real *sums = mine.sums.weights, *bias = mine.sums.bias, *low = mine.sums.bias_low;
    int64_t at = 0, lanes_before = 0;
    for (int64_t unit = 0; unit < shape.layer.hidden; at += K) {
      const Columns block = shape.block_at(unit);
      const int64_t block_lanes = (int64_t)slots_of(shape.cell, block) * block.width;
      const int64_t k0 = larger(begin - at, 0), k1 = smaller(end - at, K);
      if (k0 < k1) {
        sum_block(block, inputs, chunk.input_pitch, panel, block_lanes, depth, k0, k1, sums);
        if (k0 == 0) sum_rows(chunk.gradients + lanes_before * chunk.capacity, block_lanes, total, bias, low);
      }
      panel += block_lanes * chunk.capacity;
      sums += K * block.lanes();
      bias += block_lanes;
      low += block_lanes;
      lanes_before += block_lanes;
      unit += block.count;
    }
    if (shape.layer.projection) sum_projection(own, mine, chunk, depth);
  }

  /// k0 .. k1 of one block.
  void sum_block(const Columns& block, const Stored* inputs, int64_t pitch, const Stored* panel,
                 int64_t panel_pitch, int64_t depth, int64_t k0, int64_t k1, Real* sums) const {
    constexpr int full = lanes<M>, half = full / 2;
    const auto part = [&]<int W, int... Slot>(int64_t from, int64_t to) {
      for (int64_t q = 0; from < to && q < depth; q += outer_depth)
        multiply_outer<M, W, Slot...>(inputs + (from + q * pitch) * M::depth, pitch, panel + q * panel_pitch * M::depth,
                                      panel_pitch, smaller(outer_depth, depth - q), to - from,
                                      sums + from * (int64_t)sizeof...(Slot) * W);
    };
    const auto gated = [&]<int W>() {
      static_assert(every_gated_cell([](const CellTraits& cell) { return cell.gates == (cell.apart ? 3 : 4); }),
                    "these products have four slots: a gated cell of another number needs a line here");
      if (!shape.cell.apart) return part.template operator()<W, 0, 1, 2, 3>(k0, k1);
      part.template operator()<W, 0, 1, 2>(k0, smaller(k1, shape.inputs));
      part.template operator()<W, 0, 1, 3>(larger(k0, shape.inputs), k1);
    };
    if (!shape.cell.gated) {
      for_columns<M>(block, [&]<int W, int NV>() {
        if constexpr (NV == 1) part.template operator()<W, 0>(k0, k1);
        if constexpr (NV == 2) part.template operator()<W, 0, 1>(k0, k1);
        if constexpr (NV == 3) part.template operator()<W, 0, 1, 2>(k0, k1);
        if constexpr (NV == 4) part.template operator()<W, 0, 1, 2, 3>(k0, k1);
      });
    } else if (block.width == full) {
      gated.template operator()<full>();
    } else if constexpr (half * sizeof(Real) >= 16) {
      gated.template operator()<half>();
    }
  }

  /// sums[lane] += sum over the rows of a block's gradients: a few rows at a time, and these sums with what each
  /// addition loses (Kahan 1965), since nothing else of a long sum would hide the loss.
  void sum_rows(const Stored* panel, int64_t block_lanes, int64_t total, Real* sums, Real* low) const {
    constexpr int W = lanes<M>;
    constexpr int64_t few = 16;
    for (int64_t lane = 0; lane < block_lanes; lane += W) {
      const int n = (int)smaller(W, block_lanes - lane);
      Vec<Real, W> sum = load_first<Real, W>(sums + lane, n), lost = load_first<Real, W>(low + lane, n);
      for (int64_t begin = 0; begin < total; begin += few) {
        Vec<Real, W> part = {};
        for (int64_t q = begin; q < smaller(begin + few, total); ++q)
          part += read<M, W>(panel + q * block_lanes + lane, n);
        part -= lost;
        const Vec<Real, W> after = sum + part;
        lost = (after - sum) - part;
        sum = after;
      }
      store_first<Real, W>(sums + lane, sum, n);
      store_first<Real, W>(low + lane, lost, n);
    }
  }

  /// This thread's outputs of the projection's gradient.
  void sum_projection(const Share& own, const BackwardWork<M>& mine, const Chunk<M>& chunk, int64_t depth) const {
    const bool pairs = M::depth == 2;
    const int64_t p0 = share(shape.outputs, own.part, own.parts), p1 = share(shape.outputs, own.part + 1, own.parts);
    if (p0 == p1) return;
    const Stored* left = pairs ? mine.d_hidden_pairs : chunk.d_hidden;
    const Stored* right = pairs ? mine.projected_pairs : chunk.projected;
    Real* sums = mine.sums.projection;
    for (int64_t first = 0; first < shape.layer.hidden;) {
      const Columns columns = next_columns<M>(first, shape.layer.hidden);
      for_columns<M>(columns, [&]<int W, int NV>() {
        const auto part = [&]<int... Slot>() {
          multiply_outer<M, W, Slot...>(left + p0 * M::depth, chunk.output_pitch, right + first * M::depth,
                                        chunk.unit_pitch, depth, p1 - p0, sums + p0 * NV * W);
        };
        if constexpr (NV == 1) part.template operator()<0>();
        if constexpr (NV == 2) part.template operator()<0, 1>();
        if constexpr (NV == 3) part.template operator()<0, 1, 2>();
        if constexpr (NV == 4) part.template operator()<0, 1, 2, 3>();
      });
      sums += columns.lanes() * shape.outputs;
      first += columns.count;
    }
  }

  /// This thread's rows of the input's gradient.
  void to_input(const Share& own, const Backward& call, const BackwardWork<M>& mine, const Chunk<M>& chunk,
                const int64_t* offsets, int64_t from, int64_t to) const {
    const int64_t total = shape.layer.input;
    for (int64_t s = from; s < to; ++s) {
      const int64_t t = call.reverse ? rows.steps - 1 - s : s, n = active(rows, t);
      const int64_t r0 = share(n, own.part, own.parts), r1 = share(n, own.part + 1, own.parts);
      const Stored* weights = mine.packed.input;
      for (int64_t first = 0; first < total && r0 < r1;) {
        const Columns columns = next_columns<M>(first, total);
        for_columns<M>(columns, [&]<int W, int NV>() {
          multiply_rows<M, W, NV>(
              mine.packed.input_runs, mine.packed.input_count, chunk.gradients, chunk.capacity,
              offsets[s - from] + r0, r1 - r0, weights,
              []<int V>(int64_t, int) __attribute__((always_inline)) { return Vec<Real, V>{}; },
              [&]<int V>(int64_t row, int n_, Vec<Real, V> value) __attribute__((always_inline)) {
                const int64_t unit = first + n_ * V;
                put<M, V>(call.d_x, place(call.d_x, rows, t, r0 + row) + unit, value, (int)smaller(V, total - unit));
              });
        });
        weights += columns.lanes() * mine.packed.input_depth;
        first += columns.count;
      }
    }
  }
};

template <class M>
static void run_backward(const Layer& layer, const Rows& rows, const Backward* calls, int count, int threads) {
  const Shape<M> shape(layer);
  BackwardJob<M> job = {shape, rows, calls, count, {}, {}};
  const auto carve = [&](Carver carver) {
    for (int d = 0; d < count; ++d) {
      job.works[d] = BackwardWork<M>::take(carver, shape, rows, calls[d]);
      if (calls[d].sums != nullptr) {
        Carver own = {(char*)calls[d].sums, 0};
        job.works[d].sums = Sums<M>::take(own, shape);
      }
    }
    return carver.used;
  };
  Scratch scratch(carve({nullptr, 0}));
  carve({scratch.data(), 0});
  for (int d = 0; d < count; ++d) job.works[d].packed.plan(shape);
  run_team(threads, [](void* context, int thread, int of) { ((BackwardJob<M>*)context)->work(thread, of); }, &job);
}

GATEWISE_END
