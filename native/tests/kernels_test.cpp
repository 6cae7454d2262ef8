// Forward and backward of random problems, through every instruction set that this machine has, against the
// equations in double; with one thread and with several, which have to agree in every bit.
#include <cmath>

#include "check.h"
#include "compare.h"
#include "dispatch.h"
#include "oracle.h"
#include "tests.h"

namespace gatewise::testing {
namespace {

void run_case(const Case& c) {
  for (const Type type : {Type::f64, Type::f32, Type::bf16}) {
    const Problem problem(c, type);
    const Result expected = solve(problem);
    for (const Kernels* kernels : available_kernels()) {
      static const char* const names[] = {"f32", "f64", "bf16"};
      context = std::string(kernels->name) + " " + names[static_cast<int>(type)] + " " + c.describe();
      const Result one = run(*kernels, problem, 1);
      check_close(one, expected, type);
      check_equal(run(*kernels, problem, 2), one);
      if (c.seed % 4 == 0) check_equal(run(*kernels, problem, 3), one);
      if (c.heads > 1) check_equal(run(*kernels, problem, 5), one);  // more threads than heads, or rows
    }
  }
}

/// The same number, or neither is one.
bool same(double one, double other) { return one == other || (std::isnan(one) && std::isnan(other)); }

/// A head of one row whose products are NaN: nothing of another row, or of another head of this one, may change.
void nan_stays_in_its_head(Cell cell, Type type, const Kernels& kernels) {
  Case c{};
  c.cell = cell;
  c.hidden = 15;
  c.heads = 3;  // of five units, so that in bfloat16 two heads meet in a pair
  c.steps = 4;
  c.batch = 5;
  c.directions = 1;
  c.bias = c.states = true;
  c.seed = 11;
  const int64_t row = 2, first = 5, last = 9, H = c.hidden;
  context = std::string(kernels.name) + " NaN in " + c.describe();
  const Problem clean(c, type);
  Problem spoilt(c, type);
  for (int gate = 0; gate < c.gates(); ++gate)
    for (int64_t unit = first; unit <= last; ++unit)
      spoilt.x.array.set(spoilt.x.place(spoilt.plan, 1, row) + gate * H + unit, NAN);
  const Result one = run(kernels, clean, 1), other = run(kernels, spoilt, 2);
  std::string spread;
  bool arrived = true;
  const auto look = [&](const char* what, const Array& before, const Array& after, int64_t place, int64_t r, int64_t unit) {
    const bool inside = r == row && unit >= first && unit <= last;
    if (inside || !spread.empty() || same(before.get(place), after.get(place))) return;
    spread = std::string(what) + " of unit " + std::to_string(unit) + " in row " + std::to_string(r) + " is " +
             std::to_string(after.get(place)) + ", not " + std::to_string(before.get(place));
  };
  for (int64_t r = 0; r < c.batch; ++r) {
    const int64_t state = clean.plan.batch_row(r) * H;
    for (int64_t unit = 0; unit < H; ++unit) {
      for (int64_t t = 0; t < c.steps; ++t) {
        const int64_t place = one.out.place(clean.plan, t, r);
        look("out", one.out.array, other.out.array, place + unit, r, unit);
        if (r == row && t > 0 && unit >= first && unit <= last) arrived &= std::isnan(other.out.array.get(place + unit));
        for (int gate = 0; gate < c.gates(); ++gate)
          look("d_x", one.of[0].d_x.array, other.of[0].d_x.array, one.of[0].d_x.place(clean.plan, t, r) + gate * H + unit, r,
               unit);
      }
      look("h_n", one.of[0].h_n, other.of[0].h_n, state + unit, r, unit);
      look("d_h0", one.of[0].d_h0, other.of[0].d_h0, state + unit, r, unit);
      for (int i = 0; i < c.cells(); ++i) look("d_c0", one.of[0].d_c0[i], other.of[0].d_c0[i], state + unit, r, unit);
    }
  }
  CHECK(arrived);
  CHECK_SAYING(spread.empty(), spread);
}

/// Sizes around the vectors' and tiles' edges, combined by turns.
template <class T, size_t N>
T turn(const T (&values)[N], uint32_t seed, uint32_t step) {
  return values[(seed / step + seed) % N];
}

}  // namespace

void test_kernels() {
  static const int64_t hidden[] = {1, 5, 16, 17, 20, 33, 50, 64, 130}, input[] = {3, 1, 16, 40, 7};
  static const int64_t heads[] = {2, 5, 3}, steps[] = {9, 2, 9, 1, 9, 0, 9}, batch[] = {7, 1, 7, 13, 2, 0, 40};
  CHECK(!available_kernels().empty());
  for (const Cell cell : every_cell())
    for (const Type type : {Type::f64, Type::f32, Type::bf16})
      for (const Kernels* kernels : available_kernels()) nan_stays_in_its_head(cell, type, *kernels);
  uint32_t seed = 0;
  for (const Cell cell : every_cell()) {
    for (const int64_t H : hidden) {
      // Every combination would be hundreds of thousands of cases: the seed goes through each list at another pace.
      for (int variant = 0; variant < 4; ++variant, ++seed) {
        Case c{};
        c.cell = cell;
        c.hidden = H;
        c.input = turn(input, seed, 3);
        c.projection = traits_of(cell).projects && variant == 1 ? (H + 2) / 3 : 0;
        c.steps = turn(steps, seed, 2);
        c.batch = turn(batch, seed, 5);
        c.directions = 1 + variant % 2;
        c.bias = seed % 5 != 4;
        c.states = seed % 3 != 2;
        c.lengths = variant >= 2;
        c.packed = variant == 3;
        c.gate_gradients = seed % 2 == 0;
        c.seed = seed;
        run_case(c);
        if (variant % 3 != 0 || H == 1) continue;
        c.heads = turn(heads, seed, 2);  // of 1 to 65 units, with and without a rest
        if (H % c.heads != 0) c.heads = H;
        c.split = variant == 0 && seed % 3 != 0;
        if (variant == 3) c.input = 0;  // x holds W_ih x
        run_case(c);
      }
    }
  }
  std::printf("largest errors, as parts of what is allowed: f32 %.2f, f64 %.2f, bf16 %.2f\n", worst[0], worst[1], worst[2]);
}

}  // namespace gatewise::testing
