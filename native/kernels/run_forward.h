// A forward call: scratch memory, threads, and the loop of the layer's cell.
#pragma once

#include "forward.h"
#include "team.h"

GATEWISE_BEGIN

/// How the threads of a direction share its work: `groups` of heads times `slices` of rows. Heads come first, because a
/// thread's own weights then stay in its caches; with fewer rows than slices heads alone are shared out.
struct Cut {
  int groups, slices;

  static Cut of(int64_t heads, int64_t batch, int threads) {
    int groups = threads;
    while (heads % groups != 0 || threads % groups != 0) --groups;
    const int slices = threads / groups;
    if (batch >= slices || heads == 1) return {groups, slices};  // without heads all threads pack at least
    return {(int)smaller(heads, threads), 1};
  }
};

template <class M>
struct ForwardJob {
  const Shape<M>& shape;  // and that of each of its heads
  const Shape<M>& of_head;
  const Rows& rows;
  const Forward* calls;
  int count;
  bool ahead;  // W_ih x is formed for many steps at a time
  PackedForward<M> packed[2];
  Barrier barriers[2];

  void run(int thread, int threads) {
    for_shares(count, thread, threads, barriers, [&](const Share& each) {
      const Cut cut = Cut::of(shape.heads, rows.batch, each.parts);
      const int group = each.part % cut.groups, slice = each.part / cut.groups;
      const bool works = slice < cut.slices;  // more threads than heads: the last have nothing to do
      const int64_t from = share(shape.heads, group, cut.groups), to = share(shape.heads, group + 1, cut.groups);
      if (works) pack(each.direction, from * shape.head_blocks, to * shape.head_blocks, slice, cut.slices);
      if (cut.slices > 1) each.wait();  // else each thread reads what it has packed itself
      if (works) run_heads(each.direction, group, slice, cut.slices, from, to);
    });
  }

  /// This slice's part of the blocks [from, to).
  void pack(int d, int64_t from, int64_t to, int slice, int slices) const {
    packed[d].fill(shape, calls[d].weights, from + share(to - from, slice, slices),
                   from + share(to - from, slice + 1, slices), slice, slices);
  }

  /// Take a slice of the rows through all the steps, one head after the other.
  void run_heads(int d, int group, int slice, int slices, int64_t from, int64_t to) const {
    const int64_t begin = first_row(rows, slice, slices), end = first_row(rows, slice + 1, slices);
    char* const base = states_base[d] + (size_t)group * states_bytes() + begin_bytes(begin, slice);
    for (int64_t head = from; head < to; ++head) {
      Carver carver = {base, 0};
      SliceState<M> state = SliceState<M>::take(carver, of_head, end - begin, ahead);
      memset(base, 0, carver.used);
      forward_slice<M>(of_head, rows, call_of_head<M>(shape, calls[d], head), packed[d].of_head(shape, head), state,
                       begin, end - begin);
    }
  }

  // A slice's memory: its rows' share of that of all rows, and a line more for each array. Each group has its own.
  char* states_base[2];
  size_t begin_bytes(int64_t row, int slice) const { return (size_t)row * row_bytes + (size_t)slice * slack; }
  size_t states_bytes() const { return begin_bytes(rows.batch, threads + 1); }
  size_t row_bytes;
  int threads;
  static constexpr size_t slack = 8 * 64;
};

template <class M>
static void run_forward(const Layer& layer, const Rows& rows, const Forward* calls, int count, int threads) {
  const Shape<M> shape(layer), of_head = shape.of_head();
  const int each = (int)larger(1, threads / count);  // of a direction, at most
  const Cut cut = Cut::of(shape.heads, rows.batch, each);
  const bool ahead = layer.input > 0 && rows.steps >= 8 && rows.batch <= few_rows * cut.slices;
  ForwardJob<M> job = {shape, of_head, rows, calls, count, ahead, {}, {}, {}, 0, threads};
  Carver sizes = {nullptr, 0};
  SliceState<M>::take(sizes, of_head, 1, job.ahead);
  job.row_bytes = sizes.used;  // at least what a row takes: each array is rounded up
  const auto carve = [&](Carver carver) {
    for (int d = 0; d < count; ++d) {
      job.packed[d] = PackedForward<M>::take(carver, shape);
      job.states_base[d] = carver.take<char>((int64_t)job.states_bytes() * smaller(shape.heads, threads));
    }
    return carver.used;
  };
  Memory memory(carve({nullptr, 0}));  // as it comes: each thread clears what it uses
  carve({memory.data(), 0});
  run_team(threads, [](void* context, int thread, int of) { ((ForwardJob<M>*)context)->run(thread, of); }, &job);
}

GATEWISE_END
