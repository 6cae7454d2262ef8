// Multiply-adds that never leave the registers: what this machine can do at most, for benchmarks.
#include "kernels_of_isa.h"
#include "tile.h"

GATEWISE_BEGIN

namespace {

template <class M>
double busy(int64_t rounds) {
  constexpr int W = lanes<M>, chains = 12;  // enough of them to hide the latency of each
  using P = Product<M, W>;
  typename P::V acc[chains];
  for (int i = 0; i < chains; ++i) acc[i] = splat<typename M::Real, W>((typename M::Real)i);
  typename P::Operand one = {}, other = {};
  asm volatile("" : "+x"(one), "+x"(other));  // unknown to the compiler
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; ++i) acc[i] = P::add(acc[i], one, other);
  }
  typename P::V sum = acc[0];
  for (int i = 1; i < chains; ++i) sum += acc[i];
  asm volatile("" : : "x"(sum));
  return 2.0 * (double)(rounds * chains * W * M::depth);
}

}  // namespace

double multiply_add(Type type, int64_t rounds) {
  switch (type) {
    case Type::f32: return busy<F32>(rounds);
    case Type::f64: return busy<F64>(rounds);
    default: return busy<BF16>(rounds);
  }
}

GATEWISE_END
