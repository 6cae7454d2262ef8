// The functions of one instruction set's build, by type: each is one file, so that they compile side by side.
// A set that differs from another in bfloat16 only is built with -DGATEWISE_BASE_ISA=<the other> and takes the rest
// from there.
#pragma once

#include "gatewise/core.h"
#include "vec.h"

#ifndef GATEWISE_BASE_ISA
#define GATEWISE_BASE_ISA GATEWISE_ISA_NAME
#define GATEWISE_IS_WHOLE 1
#endif

namespace gatewise {
namespace GATEWISE_BASE_ISA {

void forward_f32(const Layer&, const Rows&, const Forward*, int count, int threads);
void forward_f64(const Layer&, const Rows&, const Forward*, int count, int threads);
void backward_f32(const Layer&, const Rows&, const Backward*, int count, int threads);
void backward_f64(const Layer&, const Rows&, const Backward*, int count, int threads);

void* stream_new(const Layer*, const Weights*, int count, int64_t batch);
void stream_free(void*);
void stream_step(void*, const void* x, void* out);
void stream_reset(void*);
void stream_get(const void*, int layer, void* h, void* const* c);
void stream_set(void*, int layer, const void* h, const void* const* c);

}  // namespace GATEWISE_BASE_ISA
}  // namespace gatewise

GATEWISE_BEGIN

void forward_bf16(const Layer&, const Rows&, const Forward*, int count, int threads);
void backward_bf16(const Layer&, const Rows&, const Backward*, int count, int threads);

/// Do `rounds` rounds of multiply-adds in registers; returns the floating-point operations.
double multiply_add(Type, int64_t rounds);

GATEWISE_END
