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
    BackwardWork work = {};
    const int64_t steps = smaller(steps_of_chunk(rows.batch), larger(1, rows.steps));
    const int64_t capacity = round_up(steps * rows.batch, 2);
    work.packed = PackedBackward<M>::take(carver, shape, call);
    if (call.sums == nullptr) work.sums = Sums<M>::take(carver, shape);
    work.state = BackState<M>::take(carver, shape, rows.batch);
    for (auto& chunk : work.chunks) chunk = Chunk<M>::take(carver, shape, capacity);
    work.offsets = carver.take<int64_t>(2 * (steps + 1));
    if constexpr (M::depth == 2) {
      const Chunk<M>& chunk = work.chunks[0];
      work.input_pairs = carver.take<Stored>(capacity * chunk.input_pitch);
      work.gradient_pairs = carver.take<Stored>(capacity * shape.slot_lanes);
      work.d_hidden_pairs = carver.take<Stored>(capacity * chunk.output_pitch);
      work.projected_pairs = carver.take<Stored>(capacity * chunk.unit_pitch);
    }
    return work;
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

/// Rows of a chunk, or pairs of rows, whose gradients of one block fit in the first cache.
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

  void run(int thread, int threads) {
    for_shares(count, thread, threads, barriers, [&](const Share& share) { run_direction(share); });
  }

  void run_direction(const Share& thread) {
    const Backward& call = calls[thread.direction];
    BackwardWork<M>& work = works[thread.direction];
    begin(thread, call, work);
    thread.wait();
    const int64_t steps = steps_of_chunk(rows.batch);
    const int64_t last = rows.batch == 0 ? -1 : (rows.steps + steps - 1) / steps - 1;
    for (int64_t c = last; c >= 0; --c) {
      const int64_t from = c * steps, to = smaller(from + steps, rows.steps);
      const Chunk<M>& chunk = work.chunks[c & 1];
      int64_t* offsets = work.offsets + (c & 1) * (smaller(steps, larger(1, rows.steps)) + 1);
      const int64_t total = walk(thread, call, work, chunk, offsets, from, to);
      thread.wait();
      if constexpr (M::depth == 2) {
        make_pairs(thread, work, chunk, total);
        thread.wait();
      }
      sum_weights(thread, work, chunk, total);
      if (call.d_x.data != nullptr) to_input(thread, call, work, chunk, offsets, from, to);
    }
    thread.wait();
    finish(thread, call, work);
  }

  /// Pack weights, clear sums, and read the gradients of the final states.
  void begin(const Share& thread, const Backward& call, BackwardWork<M>& work) const {
    work.packed.fill(shape, call.weights, thread.part, thread.parts);
    if (call.sums != nullptr && call.begin && thread.part == 0) memset(call.sums, 0, bytes_of_sums());
    const int64_t P = shape.layer.outputs(), H = shape.layer.hidden;
    const int64_t end = thread.end(rows.batch);
    for (int64_t r = thread.begin(rows.batch); r < end; ++r) {
      const int64_t b = batch_row(rows, r);
      if (call.d_h_n != nullptr)
        memcpy(work.state.d_hidden + r * work.state.output_pitch, (const Real*)call.d_h_n + b * P,
               sizeof(Real) * (size_t)P);
      for (int i = 0; i < shape.cell.cells; ++i)
        if (call.d_c_n[i] != nullptr)
          memcpy(work.state.cell_row(shape, i, r), (const Real*)call.d_c_n[i] + b * H, sizeof(Real) * (size_t)H);
    }
  }

  size_t bytes_of_sums() const {
    Carver carver = {nullptr, 0};
    Sums<M>::take(carver, shape);
    return carver.used;
  }

  /// Write the gradients of the initial states and, after the last segment, of the parameters.
  void finish(const Share& thread, const Backward& call, const BackwardWork<M>& work) const {
    const int64_t P = shape.layer.outputs(), H = shape.layer.hidden;
    const int64_t end = thread.end(rows.batch);
    for (int64_t r = thread.begin(rows.batch); r < end; ++r) {
      const int64_t b = batch_row(rows, r);
      if (call.d_h0 != nullptr)
        memcpy((Real*)call.d_h0 + b * P, work.state.d_hidden + r * work.state.output_pitch,
               sizeof(Real) * (size_t)P);
      for (int i = 0; i < shape.cell.cells; ++i)
        if (call.d_c0[i] != nullptr)
          memcpy((Real*)call.d_c0[i] + b * H, work.state.cell_row(shape, i, r), sizeof(Real) * (size_t)H);
    }
    if (call.sums != nullptr && !call.finish) return;
    unpack_sums<M>(shape, work.sums.weights, work.sums.bias, call, thread.part, thread.parts);
    if (call.d_W_hr != nullptr && thread.part == 0) unpack_projection(call, work);
  }

  void unpack_projection(const Backward& call, const BackwardWork<M>& work) const {
    const int64_t P = shape.layer.projection, H = shape.layer.hidden;
    const Real* from = work.sums.projection;
    for (int64_t first = 0; first < H;) {
      const Columns columns = next_columns<M>(first, H);
      for (int64_t p = 0; p < P; ++p)
        memcpy((Real*)call.d_W_hr + p * H + first, from + p * columns.lanes(), sizeof(Real) * (size_t)columns.count);
      from += columns.lanes() * shape.outputs;
      first += columns.count;
    }
  }

  /// Take this thread's rows through the steps [from, to) of a chunk, last first. Returns the chunk's rows.
  int64_t walk(const Share& thread, const Backward& call, BackwardWork<M>& work, const Chunk<M>& chunk,
               int64_t* offsets, int64_t from, int64_t to) {
    const auto time = [&](int64_t s) { return call.reverse ? rows.steps - 1 - s : s; };
    int64_t total = 0, most = 0;
    for (int64_t s = from; s < to; ++s) {
      if (thread.part == 0) offsets[s - from] = total;
      total += active(rows, time(s));
      most = larger(most, active(rows, time(s)));
    }
    const int64_t first = thread.begin(most), count = thread.end(most) - first;
    BackStep<M> step = first_step(call, work, chunk, first);
    int64_t offset = total;
    for (int64_t s = to - 1; s >= from; --s) {
      step.t = time(s);
      step.before = call.reverse ? step.t + 1 : step.t - 1;
      step.before_rows = active(rows, step.before);
      offset -= active(rows, step.t);
      step.index = offset + first;
      const int64_t n = larger(0, smaller(active(rows, step.t) - first, count));
      if (n > 0) one_step(call, work, chunk, step, n);
    }
    return total;
  }

  BackStep<M> first_step(const Backward& call, const BackwardWork<M>& work, const Chunk<M>& chunk,
                         int64_t first) const {
    BackStep<M> step = {};
    step.shape = &shape;
    step.rows = &rows;
    step.first = first;
    step.out = call.out;
    step.h0 = (const Real*)call.h0;
    for (int i = 0; i < max_cells; ++i) step.c0[i] = (const Real*)call.c0[i];
    for (int i = 0; i < max_saved; ++i) {
      step.saved[i] = call.saved[i];
      step.d_saved[i] = call.d_saved[i];
      step.gates_have_gradients |= call.d_saved[i].data != nullptr;
    }
    // With a projection the cell gets the gradient of o * tanh(c), which `through_projection` leaves in memory of its
    // own and into which d_out has gone already.
    const bool projected = shape.layer.projection != 0;
    if (!projected) step.d_out = call.d_out;
    step.d_hidden_pitch = projected ? work.state.unit_pitch : work.state.output_pitch;
    step.d_hidden = (projected ? work.state.d_unprojected : work.state.d_hidden) + first * step.d_hidden_pitch;
    step.d_cell_pitch = shape.cell.cells * work.state.unit_pitch;
    step.d_cell_stride = work.state.unit_pitch;
    step.d_cell = work.state.d_cell == nullptr ? nullptr : work.state.cell_row(shape, 0, first);
    step.gradients = chunk.gradients;
    step.capacity = chunk.capacity;
    step.projected = chunk.projected;
    step.projected_pitch = chunk.unit_pitch;
    return step;
  }

  void one_step(const Backward& call, const BackwardWork<M>& work, const Chunk<M>& chunk, const BackStep<M>& step,
                int64_t n) const {
    const int64_t pitch = work.state.output_pitch;
    Real* d_hidden = work.state.d_hidden + step.first * pitch;
    if (shape.layer.projection)
      through_projection<M>(step, call.d_out, work.packed, chunk, d_hidden, pitch, step.d_hidden,
                            step.d_hidden_pitch, n);
    with_cell(shape.layer.cell, [&]<class C>() { backward_rows<M, C>(step, n); });
    to_hidden<M>(step, work.packed, n, shape.cell.carries_h, d_hidden, pitch);
    gather_inputs<M>(step, call.x, chunk, n);
  }

  /// This thread's part of the copies that have two rows side by side.
  void make_pairs(const Share& thread, const BackwardWork<M>& work, const Chunk<M>& chunk, int64_t total) const {
    const int64_t pairs = (total + 1) / 2;
    const int64_t begin = thread.begin(pairs), end = thread.end(pairs);
    interleave(chunk.inputs, chunk.input_pitch, total, work.input_pairs, begin, end);
    int64_t before = 0;
    for (int64_t unit = 0; unit < shape.layer.hidden;) {
      const Columns block = shape.block_at(unit);
      const int64_t block_lanes = (int64_t)slots_of(shape.cell, block) * block.width;
      interleave(chunk.gradients + before * chunk.capacity, block_lanes, total,
                 work.gradient_pairs + before * chunk.capacity, begin, end);
      before += block_lanes;
      unit += block.count;
    }
    if (shape.layer.projection) {
      interleave(chunk.d_hidden, chunk.output_pitch, total, work.d_hidden_pairs, begin, end);
      interleave(chunk.projected, chunk.unit_pitch, total, work.projected_pairs, begin, end);
    }
  }

  /// This thread's part of the weights' gradients: some k of some blocks.
  void sum_weights(const Share& thread, const BackwardWork<M>& work, const Chunk<M>& chunk, int64_t total) const {
    const bool pairs = M::depth == 2;
    const int64_t K = shape.depth_of_step, depth = (total + M::depth - 1) / M::depth;
    const int64_t begin = thread.begin(shape.blocks * K);
    const int64_t end = thread.end(shape.blocks * K);
    const Stored* inputs = pairs ? work.input_pairs : chunk.inputs;
    const Stored* panel = pairs ? work.gradient_pairs : chunk.gradients;
    Real *sums = work.sums.weights, *bias = work.sums.bias, *low = work.sums.bias_low;
    // Threads cut the k of all blocks, laid end to end, into equal parts: a layer may have fewer blocks than threads.
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
    if (shape.layer.projection) sum_projection(thread, work, chunk, depth);
  }

  /// k0 .. k1 of one block.
  void sum_block(const Columns& block, const Stored* inputs, int64_t pitch, const Stored* panel,
                 int64_t panel_pitch, int64_t depth, int64_t k0, int64_t k1, Real* sums) const {
    constexpr int full = lanes<M>, half = full / 2;
    const auto part = [&]<int W, int... Slot>(int64_t from, int64_t to) {
      // A few rows of gradients at a time, which stay in the first cache while every k passes over them.
      for (int64_t q = 0; from < to && q < depth; q += outer_depth)
        multiply_outer<M, W, Slot...>(inputs + (shape.place_in_row(block, from) + q * pitch) * M::depth, pitch, panel + q * panel_pitch * M::depth,
                                      panel_pitch, smaller(outer_depth, depth - q), to - from,
                                      sums + from * (int64_t)sizeof...(Slot) * W);
    };
    // What the block's head sees of h does not follow what it sees of x, unless it is the first and x is not split.
    const bool follows = shape.place_in_row(block, shape.inputs) == shape.inputs;
    const int64_t middle = larger(k0, smaller(k1, follows ? k1 : shape.inputs));
    const auto both = [&]<int W, int... Slot>() {
      part.template operator()<W, Slot...>(k0, middle);
      part.template operator()<W, Slot...>(middle, k1);
    };
    const auto gated = [&]<int W>() {
      static_assert(every_gated_cell([](const CellTraits& cell) { return cell.gates == (cell.apart ? 3 : 4); }),
                    "these products have four slots: a gated cell of another number needs a line here");
      if (!shape.cell.apart) return both.template operator()<W, 0, 1, 2, 3>();
      part.template operator()<W, 0, 1, 2>(k0, smaller(k1, shape.inputs));
      part.template operator()<W, 0, 1, 3>(larger(k0, shape.inputs), k1);
    };
    if (!shape.cell.gated) {
      for_columns<M>(block, [&]<int W, int NV>() {
        if constexpr (NV == 1) both.template operator()<W, 0>();
        if constexpr (NV == 2) both.template operator()<W, 0, 1>();
        if constexpr (NV == 3) both.template operator()<W, 0, 1, 2>();
        if constexpr (NV == 4) both.template operator()<W, 0, 1, 2, 3>();
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
  void sum_projection(const Share& thread, const BackwardWork<M>& work, const Chunk<M>& chunk, int64_t depth) const {
    const bool pairs = M::depth == 2;
    const int64_t p0 = thread.begin(shape.outputs), p1 = thread.end(shape.outputs);
    if (p0 == p1) return;
    const Stored* left = pairs ? work.d_hidden_pairs : chunk.d_hidden;
    const Stored* right = pairs ? work.projected_pairs : chunk.projected;
    Real* sums = work.sums.projection;
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

  /// This thread's rows of the gradient of x that holds W_ih x: that of the gates.
  void hand_gates(const Share& thread, const Backward& call, const Chunk<M>& chunk, const int64_t* offsets, int64_t from,
                  int64_t to) const {
    for (int64_t s = from; s < to; ++s) {
      const int64_t t = call.reverse ? rows.steps - 1 - s : s, n = active(rows, t);
      for (int64_t r = thread.begin(n); r < thread.end(n); ++r) {
        Stored* row = at<Stored>(call.d_x, rows, t, r);
        const Stored* gradients = chunk.gradients;
        for (int64_t unit = 0; unit < shape.layer.hidden;) {
          const Columns block = shape.block_at(unit);
          const int64_t block_lanes = (int64_t)slots_of(shape.cell, block) * block.width;
          const Stored* of_row = gradients + (offsets[s - from] + r) * block_lanes;
          for (int v = 0; v < block.vectors; ++v)
            copy(row + weight_row(shape.layer, block, v, 0), of_row + v * block.width,
                 smaller(block.width, used_lanes(shape.layer, block, v)));
          gradients += block_lanes * chunk.capacity;
          unit += block.count;
        }
      }
    }
  }

  /// This thread's rows of the input's gradient.
  void to_input(const Share& thread, const Backward& call, const BackwardWork<M>& work, const Chunk<M>& chunk,
                const int64_t* offsets, int64_t from, int64_t to) const {
    const int64_t total = shape.layer.input;
    if (total == 0) return hand_gates(thread, call, chunk, offsets, from, to);
    for (int64_t s = from; s < to; ++s) {
      const int64_t t = call.reverse ? rows.steps - 1 - s : s, n = active(rows, t);
      const int64_t r0 = thread.begin(n), r1 = thread.end(n);
      for (int64_t seen = 0; r0 < r1 && seen < PackedBackward<M>::input_parts(shape); ++seen)
        to_input_part(call, work, chunk, seen, t, offsets[s - from], r0, r1);
    }
  }

  /// One part of x, of rows [r0, r1) of a step that begins in the chunk at `offset`.
  void to_input_part(const Backward& call, const BackwardWork<M>& work, const Chunk<M>& chunk, int64_t seen, int64_t t,
                     int64_t offset, int64_t r0, int64_t r1) const {
    const int64_t total = shape.layer.input;
    const Run* runs = work.packed.input_runs + seen * work.packed.input_count;
    const Stored* weights = work.packed.input_of(shape, seen);
    for (int64_t first = 0; first < total;) {
      const Columns columns = next_columns<M>(first, total);
      for_columns<M>(columns, [&]<int W, int NV>() {
        multiply_rows<M, W, NV>(
            runs, work.packed.input_count, chunk.gradients, chunk.capacity, offset + r0, r1 - r0, weights,
            []<int V>(int64_t, int) __attribute__((always_inline)) { return Vec<Real, V>{}; },
            [&]<int V>(int64_t row, int n_, Vec<Real, V> value) __attribute__((always_inline)) {
              const int64_t unit = first + n_ * V;
              put<M, V>(call.d_x, place(call.d_x, rows, t, r0 + row) + seen * total + unit, value,
                        (int)smaller(V, total - unit));
            });
      });
      weights += columns.lanes() * work.packed.input_depth;
      first += columns.count;
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
        Carver sums = {(char*)calls[d].sums, 0};
        job.works[d].sums = Sums<M>::take(sums, shape);
      }
    }
    return carver.used;
  };
  Scratch scratch(carve({nullptr, 0}));
  carve({scratch.data(), 0});
  for (int d = 0; d < count; ++d) job.works[d].packed.plan(shape);
  run_team(threads, [](void* context, int thread, int of) { ((BackwardJob<M>*)context)->run(thread, of); }, &job);
}

GATEWISE_END
