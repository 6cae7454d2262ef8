// Forward and backward of random problems, through every instruction set that this machine has, against the
// equations in double; with one thread and with several, which have to agree in every bit.
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
    }
  }
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
        if (variant == 3) c.input = 0;  // x holds W_ih x
        run_case(c);
      }
    }
  }
  std::printf("largest errors, as parts of what is allowed: f32 %.2f, f64 %.2f, bf16 %.2f\n", worst[0], worst[1], worst[2]);
}

}  // namespace gatewise::testing
