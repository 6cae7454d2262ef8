#include "kernels_of_isa.h"

#ifdef GATEWISE_IS_WHOLE
#include "run_forward.h"

GATEWISE_BEGIN

void forward_f64(const Layer& layer, const Rows& rows, const Forward* calls, int count, int threads) {
  run_forward<F64>(layer, rows, calls, count, threads);
}

GATEWISE_END

#endif
