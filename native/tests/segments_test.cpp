// A backward pass in segments gives the bits of one in a single call.
#include <algorithm>

#include "check.h"
#include "compare.h"
#include "dispatch.h"
#include "tests.h"

namespace gatewise::testing {
namespace {

/// Steps [begin, end) of a sequence.
View part_of(const Sequence& sequence, int64_t begin, int part = 0) {
  if (!sequence.array.present()) return {};
  View view = sequence.view(part);
  if (!sequence.packed) view.data = sequence.array.data(part * sequence.width + begin * sequence.step);
  return view;
}

/// The states before a segment's own first step, from what the forward pass wrote.
void read_states(const Problem& problem, const Result& whole, int d, int64_t begin, int64_t end, Array& h, Array (&c)[max_cells]) {
  const Case& sizes = problem.c;
  const DirectionIn& in = problem.in[d];
  const int64_t before = d ? end : begin - 1;
  for (int64_t r = 0; r < sizes.batch; ++r) {
    const int64_t row = problem.plan.batch_row(r);
    const bool stepped = before >= 0 && before < sizes.steps && problem.plan.has(before, r);
    const int64_t from = stepped ? whole.out.place(problem.plan, before, r, d) : 0;
    for (int64_t k = 0; k < sizes.outputs(); ++k) {
      const int64_t to = row * sizes.outputs() + k;
      h.set(to, stepped ? whole.out.array.get(from + k) : in.h0.present() ? in.h0.get(to) : 0);
    }
    const CellTraits& cell = traits_of(sizes.cell);
    for (int i = 0; i < cell.cells; ++i) {
      const Sequence& saved = whole.of[d].saved[static_cast<size_t>(cell.stored() + i)];
      const int64_t kept = stepped ? saved.place(problem.plan, before, r) : 0;
      for (int64_t k = 0; k < sizes.hidden; ++k) {
        const int64_t to = row * sizes.hidden + k;
        c[i].set(to, stepped ? saved.array.get(kept + k) : in.c0[i].present() ? in.c0[i].get(to) : cell.starts[i]);
      }
    }
  }
}

Rows rows_of(const RowPlan& plan, int64_t begin, int64_t end) {
  Rows rows = plan.rows;
  rows.steps = end - begin;
  if (rows.count) rows.count += begin;
  if (rows.first) rows.first += begin;
  return rows;
}

/// One direction's backward in segments that end where `ends` says, in the direction's own order.
void run_segments(const Kernels& kernels, const Problem& problem, const Result& whole, Result& pieces, int d,
                  const std::vector<int64_t>& ends) {
  const Layer layer = problem.c.layer(problem.type);
  const Type sums_type = real(problem.type);
  const int64_t outputs = problem.c.batch * problem.c.outputs(), cells = problem.c.batch * problem.c.hidden;
  std::vector<unsigned char> sums(kernels.sums_bytes(layer), 0xff);
  Array d_h = problem.in[d].d_h_n, d_c[max_cells] = {problem.in[d].d_c_n[0], problem.in[d].d_c_n[1]};
  for (size_t k = ends.size(); k-- > 0;) {
    const int64_t first = k ? ends[k - 1] : 0, last = ends[k];
    const int64_t begin = d ? problem.c.steps - last : first, end = begin + last - first;
    // The states before a segment and the gradients after it are what a caller hands from one call to the next.
    Array h0(sums_type, outputs), c0[max_cells], to_h(sums_type, outputs), to_c[max_cells];
    for (int i = 0; i < problem.c.cells(); ++i) c0[i] = Array(sums_type, cells), to_c[i] = Array(sums_type, cells);
    read_states(problem, whole, d, begin, end, h0, c0);
    Backward call = problem.backward(d, pieces);
    call.x = part_of(problem.x, begin);
    call.out = part_of(pieces.out, begin, d);
    call.d_out = part_of(problem.d_out, begin, d);
    call.d_x = part_of(pieces.of[d].d_x, begin);
    for (size_t s = 0; s < pieces.of[d].saved.size(); ++s) {
      call.saved[s] = part_of(pieces.of[d].saved[s], begin);
      call.d_saved[s] = part_of(problem.in[d].d_saved[s], begin);
    }
    call.h0 = h0.data(), call.d_h_n = d_h.data();
    if (k > 0) call.d_h0 = to_h.data();
    for (int i = 0; i < max_cells; ++i) {
      call.c0[i] = c0[i].data(), call.d_c_n[i] = d_c[i].data();
      if (k > 0) call.d_c0[i] = to_c[i].data();
    }
    call.sums = sums.data();
    call.begin = k + 1 == ends.size();
    call.finish = k == 0;
    kernels.backward(layer, rows_of(problem.plan, begin, end), &call, 1, 1 + static_cast<int>(k % 2));
    d_h = to_h;
    for (int i = 0; i < max_cells; ++i) d_c[i] = to_c[i];
  }
}

void run_case(const Case& c, Type type, const Kernels& kernels) {
  const Problem problem(c, type);
  const Result whole = run(kernels, problem, 2);
  Result pieces(problem);
  pieces.out = whole.out;
  const int64_t chunk = kernels.chunk_steps(c.layer(type), c.batch);
  for (int d = 0; d < c.directions; ++d) {
    pieces.of[d].saved = whole.of[d].saved;
    pieces.of[d].h_n = whole.of[d].h_n;
    for (int i = 0; i < max_cells; ++i) pieces.of[d].c_n[i] = whole.of[d].c_n[i];
    run_segments(kernels, problem, whole, pieces, d, {chunk, 3 * chunk, c.steps});
  }
  check_equal(pieces, whole);
}

}  // namespace

void test_segments() {
  uint32_t seed = 0;
  for (const Kernels* kernels : available_kernels())
    for (const Cell cell : every_cell())
      for (const Type type : {Type::f64, Type::f32, Type::bf16})
        for (const bool packed : {false, true}) {
          ++seed;
          const int64_t projection = traits_of(cell).projects && packed ? 6 : 0, heads = packed && !projection ? 3 : 1;
          Case c{cell, 3, heads == 1 ? 17 : 18, projection, 0, seed % 2 ? 9 : 40, 2, true, seed % 3 != 0, seed % 4 != 0,
                 packed, seed % 5 < 2, seed, heads, heads > 1 && seed % 4 < 2};
          c.steps = 4 * kernels->chunk_steps(c.layer(type), c.batch) + 1;
          context = std::string("segments ") + kernels->name + " type " + std::to_string(static_cast<int>(type)) + " " +
                    c.describe();
          run_case(c, type, *kernels);
        }
}

}  // namespace gatewise::testing
