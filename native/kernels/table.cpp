// One instruction set's table of functions.
#include "backward.h"
#include "gatewise/kernels.h"
#include "kernels_of_isa.h"

GATEWISE_BEGIN

template <class M>
static size_t bytes_of_sums(const Layer& layer) {
  Carver carver = {nullptr, 0};
  Sums<M>::take(carver, Shape<M>(layer));
  return carver.used;
}

static size_t sums_bytes(const Layer& layer) {
  switch (layer.type) {
    case Type::f32: return bytes_of_sums<F32>(layer);
    case Type::f64: return bytes_of_sums<F64>(layer);
    default: return bytes_of_sums<BF16>(layer);
  }
}

static int64_t chunk_steps(const Layer&, int64_t batch) { return steps_of_chunk(batch); }

static void forward(const Layer& layer, const Rows& rows, const Forward* calls, int count, int threads) {
  switch (layer.type) {
    case Type::f32: return GATEWISE_BASE_ISA::forward_f32(layer, rows, calls, count, threads);
    case Type::f64: return GATEWISE_BASE_ISA::forward_f64(layer, rows, calls, count, threads);
    case Type::bf16: return forward_bf16(layer, rows, calls, count, threads);
  }
}

static void backward(const Layer& layer, const Rows& rows, const Backward* calls, int count, int threads) {
  switch (layer.type) {
    case Type::f32: return GATEWISE_BASE_ISA::backward_f32(layer, rows, calls, count, threads);
    case Type::f64: return GATEWISE_BASE_ISA::backward_f64(layer, rows, calls, count, threads);
    case Type::bf16: return backward_bf16(layer, rows, calls, count, threads);
  }
}

GATEWISE_END

#define GATEWISE_JOIN2(a, b) a##b
#define GATEWISE_JOIN(a, b) GATEWISE_JOIN2(a, b)
#define GATEWISE_TEXT2(a) #a
#define GATEWISE_TEXT(a) GATEWISE_TEXT2(a)

extern const gatewise::Kernels GATEWISE_JOIN(gatewise_kernels_, GATEWISE_ISA_NAME);
const gatewise::Kernels GATEWISE_JOIN(gatewise_kernels_, GATEWISE_ISA_NAME) = {
    GATEWISE_TEXT(GATEWISE_ISA_NAME),
    gatewise::GATEWISE_ISA_NAME::sums_bytes,
    gatewise::GATEWISE_ISA_NAME::chunk_steps,
    gatewise::GATEWISE_ISA_NAME::forward,
    gatewise::GATEWISE_ISA_NAME::backward,
    gatewise::GATEWISE_BASE_ISA::stream_new,
    gatewise::GATEWISE_BASE_ISA::stream_free,
    gatewise::GATEWISE_BASE_ISA::stream_step,
    gatewise::GATEWISE_BASE_ISA::stream_reset,
    gatewise::GATEWISE_BASE_ISA::stream_get,
    gatewise::GATEWISE_BASE_ISA::stream_set,
    gatewise::GATEWISE_ISA_NAME::multiply_add,
};
