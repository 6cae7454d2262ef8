#include "compare.h"

#include <algorithm>
#include <cmath>

#include "check.h"

namespace gatewise::testing {

double worst[3] = {0, 0, 0};

namespace {

// Rounding of sums of some hundred terms of about the same size, after up to a few hundred steps. bfloat16
// has eight bits, and rounds h and the gates at every step.
double allowed(Type type) { return type == Type::f64 ? 8e-15 : type == Type::f32 ? 4e-6 : 3e-2; }

std::string at(const Result::Named& actual, const Result::Named& expected, int64_t index) {
  return actual.name + "[" + std::to_string(index) + "] is " + std::to_string(actual.array->get(index)) + ", not " +
         std::to_string(expected.array->get(index));
}

void check_array(const Result::Named& actual, const Result::Named& expected, Type type) {
  const std::vector<double> have = actual.array->values(), want = expected.array->values();
  double largest = 1, error = 0;
  for (const double value : want)
    if (std::isfinite(value) && std::fabs(value) > largest) largest = std::fabs(value);
  int64_t wrong = -1;
  for (size_t i = 0; i < want.size() && wrong < 0; ++i) {
    const bool written = !std::isnan(want[i]);
    const double share = have[i] == want[i] ? 0 : std::fabs(have[i] - want[i]) / (largest * allowed(type));
    if (written ? !(share <= 1) : !std::isnan(have[i])) wrong = static_cast<int64_t>(i);
    if (written) error = std::max(error, share);
  }
  CHECK_SAYING(wrong < 0, at(actual, expected, wrong));
  worst[static_cast<int>(type)] = std::max(worst[static_cast<int>(type)], error);
}

}  // namespace

Result run(const Kernels& kernels, const Problem& problem, int threads) {
  Result result(problem);
  Forward forward[2];
  Backward backward[2];
  for (int d = 0; d < problem.c.directions; ++d) {
    forward[d] = problem.forward(d, result);
    backward[d] = problem.backward(d, result);
  }
  const Layer layer = problem.c.layer(problem.type);
  kernels.forward(layer, problem.plan.rows, forward, problem.c.directions, threads);
  kernels.backward(layer, problem.plan.rows, backward, problem.c.directions, threads);
  return result;
}

void check_close(const Result& actual, const Result& expected, Type type) {
  const auto have = actual.arrays(), want = expected.arrays();
  for (size_t i = 0; i < want.size(); ++i) check_array(have[i], want[i], type);
}

void check_equal(const Result& actual, const Result& expected) {
  const auto have = actual.arrays(), want = expected.arrays();
  for (size_t k = 0; k < want.size(); ++k)
    CHECK_SAYING(have[k].array->same_bytes(*want[k].array), have[k].name + " differs in bits");
}

}  // namespace gatewise::testing
