// What each instruction set's build of the kernels offers.
//
// native/kernels/ is compiled once per instruction set with -DGATEWISE_ISA_NAME=<name> (avx512bf16,
// avx512, avx2, neon, baseline) and the flags of that set; each build defines one table:
//   extern const gatewise::Kernels gatewise_kernels_<name>;
// native/dispatch.cpp picks a table once and core.h's functions call through it.
#pragma once

#include "gatewise/core.h"

namespace gatewise {

struct Kernels {
  const char* name;
  size_t (*sums_bytes)(const Layer&);
  int64_t (*chunk_steps)(const Layer&, int64_t batch);
  void (*forward)(const Layer&, const Rows&, const Forward*, int count, int threads);
  void (*backward)(const Layer&, const Rows&, const Backward*, int count, int threads);
  void* (*stream_new)(const Layer*, const Weights*, int count, int64_t batch);
  void (*stream_free)(void*);
  void (*stream_step)(void*, const void* x, void* out);
  void (*stream_reset)(void*);
  void (*stream_get)(const void*, int layer, void* h, void* const* c);
  void (*stream_set)(void*, int layer, const void* h, const void* const* c);
  double (*multiply_add)(Type, int64_t rounds);  // returns the floating-point operations done
};

}  // namespace gatewise
