#include "kernels_of_isa.h"

#ifdef GATEWISE_IS_WHOLE
#include "run_forward.h"

GATEWISE_BEGIN

template void forward_layer<F64>(const Step<F64>&, const PackedForward<F64>&, const SliceState<F64>&,
                           F64::Stored*, const View&, int64_t, bool);

void forward_f64(const Layer& layer, const Rows& rows, const Forward* calls, int count, int threads) {
  run_forward<F64>(layer, rows, calls, count, threads);
}

GATEWISE_END

#endif
