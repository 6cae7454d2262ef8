// A forward call: scratch memory, threads, and the loop of the layer's cell.
#pragma once

#include "forward.h"
#include "team.h"

GATEWISE_BEGIN

template <class M>
struct ForwardJob {
  const Shape<M>& shape;
  const Rows& rows;
  const Forward* calls;
  int count;
  bool ahead;  // W_ih x is formed for many steps at a time
  PackedForward<M> packed[2];
  Barrier barriers[2];

  int64_t first(int slice, int of) const { return first_row(rows, slice, of); }

  void run(int thread, int threads) {
    for_shares(count, thread, threads, barriers, [&](const Share& share) {
      const int d = share.direction;
      packed[d].fill(shape, calls[d].weights, share.part, share.parts);
      share.wait();
      const int64_t begin = first(share.part, share.parts), end = first(share.part + 1, share.parts);
      Carver carver = {states_base[d] + begin_bytes(begin, share.part), 0};
      SliceState<M> state = SliceState<M>::take(carver, shape, end - begin, ahead);
      forward_slice<M>(shape, rows, calls[d], packed[d], state, begin, end - begin);
    });
  }

  // A slice's memory: its rows' share of that of all rows, and a line more for each array.
  char* states_base[2];
  size_t begin_bytes(int64_t row, int slice) const { return (size_t)row * row_bytes + (size_t)slice * slack; }
  size_t row_bytes;
  static constexpr size_t slack = 8 * 64;
};

template <class M>
static void run_forward(const Layer& layer, const Rows& rows, const Forward* calls, int count, int threads) {
  const Shape<M> shape(layer);
  const bool ahead = layer.input > 0 && rows.steps >= 8 && rows.batch <= few_rows * larger(1, threads / count);
  ForwardJob<M> job = {shape, rows, calls, count, ahead, {}, {}, {}, 0};
  Carver sizes = {nullptr, 0};
  SliceState<M>::take(sizes, shape, 1, job.ahead);
  job.row_bytes = sizes.used;  // at least what a row takes: each array is rounded up
  const auto carve = [&](Carver carver) {
    for (int d = 0; d < count; ++d) {
      job.packed[d] = PackedForward<M>::take(carver, shape);
      job.states_base[d] = carver.take<char>(
          (int64_t)job.begin_bytes(rows.batch, threads + 1));
    }
    return carver.used;
  };
  Scratch scratch(carve({nullptr, 0}));
  carve({scratch.data(), 0});
  run_team(threads, [](void* context, int thread, int of) { ((ForwardJob<M>*)context)->run(thread, of); }, &job);
}

GATEWISE_END
