#include "kernels_of_isa.h"

#ifdef GATEWISE_IS_WHOLE
#include "run_forward.h"

GATEWISE_BEGIN

template void forward_layer<F32>(const Step<F32>&, const PackedForward<F32>&, const SliceState<F32>&,
                           F32::Stored*, const View&, int64_t, bool);

void forward_f32(const Layer& layer, const Rows& rows, const Forward* calls, int count, int threads) {
  run_forward<F32>(layer, rows, calls, count, threads);
}

GATEWISE_END

#endif
