// The oracle's backward against its own forward: the derivative of the loss along a random direction, by
// differences and by gradients.
#include <cmath>
#include <random>

#include "check.h"
#include "oracle.h"
#include "tests.h"

namespace gatewise::testing {
namespace {

/// Sum of a * b where both have been written; a level of minus infinity, which nothing moves, is left out.
double dot(const Array& a, const Array& b) {
  double sum = 0;
  for (int64_t i = 0; a.present() && b.present() && i < a.size(); ++i)
    if (std::isfinite(a.get(i)) && std::isfinite(b.get(i))) sum += a.get(i) * b.get(i);
  return sum;
}

double loss(const Problem& problem) {
  const Result result = solve(problem);
  double sum = dot(result.out.array, problem.d_out.array);
  for (int d = 0; d < problem.c.directions; ++d) {
    const DirectionOut& of = result.of[d];
    sum += dot(of.h_n, problem.in[d].d_h_n);
    for (int i = 0; i < max_cells; ++i) sum += dot(of.c_n[i], problem.in[d].d_c_n[i]);
    for (size_t k = 0; k < of.saved.size(); ++k) sum += dot(of.saved[k].array, problem.in[d].d_saved[k].array);
  }
  return sum;
}

/// Every input, with the gradient that belongs to it.
struct Pair {
  Array input, gradient;
};

std::vector<Pair> inputs_of(const Problem& problem, const Result& result) {
  Array d_x(Type::f64, problem.x.array.size());  // both directions read x
  for (int64_t i = 0; i < d_x.size(); ++i)
    d_x.set(i, result.of[0].d_x.array.get(i) + result.of[1].d_x.array.get(i));
  std::vector<Pair> pairs{{problem.x.array, d_x}};
  for (int d = 0; d < 2; ++d) {
    const DirectionIn& in = problem.in[d];
    const DirectionOut& of = result.of[d];
    const Pair every[] = {{in.h0, of.d_h0},
                          {in.c0[0], of.d_c0[0]},
                          {in.c0[1], of.d_c0[1]},
                          {in.parameters.W_ih, of.gradients.W_ih},
                          {in.parameters.W_hh, of.gradients.W_hh},
                          {in.parameters.b_ih, of.gradients.b_ih},
                          {in.parameters.b_hh, of.gradients.b_hh},
                          {in.parameters.W_hr, of.gradients.W_hr}};
    for (const Pair& pair : every)
      if (pair.input.present()) pairs.push_back(pair);
  }
  return pairs;
}

/// Move every input by `by` times its own fixed random direction; the derivative that the gradients give.
double move(const Problem& problem, const Result& result, double by) {
  std::mt19937 random(5);
  double slope = 0;
  for (Pair& pair : inputs_of(problem, result))
    for (int64_t i = 0; i < pair.input.size(); ++i) {
      const double direction = random() / 4294967296.0 - 0.5;
      if (!std::isfinite(pair.input.get(i))) continue;  // not written, or a level that nothing moves
      pair.input.set(i, pair.input.get(i) + by * direction);
      slope += direction * pair.gradient.get(i);
    }
  return slope;
}

}  // namespace

void test_oracle() {
  for (const Cell cell : every_cell()) {
    for (uint32_t seed = 0; seed < 6; ++seed) {
      const int64_t projection = traits_of(cell).projects && seed % 2 ? 2 : 0;
      const Case c{cell, seed == 5 ? 0 : 3, 6, projection, 4, 3, 2, true, true, seed > 2, seed == 4, true, seed,
                   projection ? 1 : 1 + seed % 3};
      context = c.describe();
      const Problem problem(c, Type::f64);
      const Result result = solve(problem);
      const double step = 1e-6, slope = move(problem, result, step);
      const double above = loss(problem);
      move(problem, result, -2 * step);
      const double difference = (above - loss(problem)) / (2 * step);
      CHECK_SAYING(std::fabs(slope - difference) < 1e-7 * (1 + std::fabs(slope)),
                   "gradient " + std::to_string(slope) + ", difference " + std::to_string(difference));
    }
  }
}

}  // namespace gatewise::testing
