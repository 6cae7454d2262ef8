// Steps one at a time, through a stack of two layers, against forward calls; states out, in and reset.
#include <cmath>
#include <memory>

#include "check.h"
#include "compare.h"
#include "dispatch.h"
#include "tests.h"

namespace gatewise::testing {
namespace {

struct StreamOf {
  StreamOf(const Kernels& kernels_, const Layer* layers, const Weights* weights, int count, int64_t batch)
      : kernels(kernels_), stream(kernels.stream_new(layers, weights, count, batch)) {}
  ~StreamOf() { kernels.stream_free(stream); }
  StreamOf(const StreamOf&) = delete;
  StreamOf& operator=(const StreamOf&) = delete;
  const Kernels& kernels;
  void* stream;
};

/// The largest difference of two arrays' values, from `first` of the second on.
double difference(const Array& a, const Array& b, int64_t first = 0) {
  double largest = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    const double error = std::fabs(a.get(i) - b.get(first + i));
    if (!(error <= largest)) largest = error;  // NaN counts
  }
  return largest;
}

/// x and outputs without gaps, for a batch whose rows are all there.
Array dense(const Problem& problem, const Sequence& from, int64_t t) {
  Array to(problem.type, problem.c.batch * from.width);
  for (int64_t r = 0; r < problem.c.batch; ++r)
    for (int64_t k = 0; k < from.width; ++k)
      to.set(problem.plan.batch_row(r) * from.width + k, from.array.get(from.place(problem.plan, t, r) + k));
  return to;
}

void run_case(const Kernels& kernels, const Case& lower, const Case& upper, Type type) {
  const double allowed = type == Type::f64 ? 1e-14 : 4e-6;
  Problem first(lower, type), second(upper, type);
  const Result one = run(kernels, first, 1);
  for (int64_t t = 0; t < lower.steps; ++t)  // the upper layer reads what the lower one gives
    for (int64_t r = 0; r < lower.batch; ++r)
      for (int64_t k = 0; k < upper.input; ++k)
        second.x.array.set(second.x.place(second.plan, t, r) + k,
                           one.out.array.get(one.out.place(first.plan, t, r) + k));
  const Result two = run(kernels, second, 1);

  const Layer layers[] = {lower.layer(type), upper.layer(type)};
  const Weights weights[] = {first.in[0].parameters.weights(), second.in[0].parameters.weights()};
  const StreamOf stream(kernels, layers, weights, 2, lower.batch), other(kernels, layers, weights, 2, lower.batch);
  const auto run_steps = [&](const StreamOf& stream, int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const Array x = dense(first, first.x, t);
      const Array out(type, lower.batch * upper.outputs());
      kernels.stream_step(stream.stream, x.data(), out.data());
      CHECK(difference(out, dense(second, two.out, t)) <= allowed);
    }
  };
  run_steps(stream, 0, lower.steps);
  kernels.stream_reset(stream.stream);
  run_steps(stream, 0, 2);
  const Case* const cases[] = {&lower, &upper};
  for (int layer = 0; layer < 2; ++layer) {  // the other stream goes on from here
    const Case& c = *cases[layer];
    const Array h(type, c.batch * c.outputs()), cell(type, c.batch * c.hidden), level(type, c.batch * c.hidden);
    void* const cells[max_cells] = {cell.data(), level.data()};  // those that the cell has not are not looked at
    kernels.stream_get(stream.stream, layer, h.data(), cells);
    kernels.stream_set(other.stream, layer, h.data(), cells);
  }
  run_steps(other, 2, lower.steps);
  const Array h(type, lower.batch * lower.outputs());
  const Array cells[max_cells] = {{type, lower.batch * lower.hidden}, {type, lower.batch * lower.hidden}};
  void* const addresses[max_cells] = {cells[0].data(), cells[1].data()};
  kernels.stream_get(other.stream, 0, h.data(), addresses);
  CHECK(difference(h, one.of[0].h_n) <= allowed);
  for (int i = 0; i < lower.cells(); ++i) CHECK(difference(cells[i], one.of[0].c_n[i]) <= allowed);
}

}  // namespace

void test_stream() {
  uint32_t seed = 0;
  for (const Kernels* kernels : available_kernels())
    for (const Type type : {Type::f64, Type::f32})
      for (const Cell cell : every_cell())
        for (const int64_t H : {1, 5, 17, 33, 64}) {
          seed += 2;  // even: rows stand in order
          const int64_t P = traits_of(cell).projects && H == 17 ? 6 : 0, outputs = P ? P : H, batch = seed % 3 ? 1 : 7;
          const Case lower{cell, 3, H, P, 5, batch, 1, seed % 4 != 0, false, false, false, false, seed};
          const Case upper{cell, outputs, 20, 0, 5, batch, 1, true, false, false, false, false, seed + 2, 2};
          context = std::string("stream ") + kernels->name + (type == Type::f64 ? " f64 " : " f32 ") + lower.describe();
          run_case(*kernels, lower, upper, type);
        }
}

}  // namespace gatewise::testing
