#include "kernels_of_isa.h"

#ifdef GATEWISE_IS_WHOLE
#include "run_backward.h"

GATEWISE_BEGIN

void backward_f32(const Layer& layer, const Rows& rows, const Backward* calls, int count, int threads) {
  run_backward<F32>(layer, rows, calls, count, threads);
}

GATEWISE_END

#endif
