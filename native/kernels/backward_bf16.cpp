#include "run_backward.h"

GATEWISE_BEGIN

void backward_bf16(const Layer& layer, const Rows& rows, const Backward* calls, int count, int threads) {
  run_backward<BF16>(layer, rows, calls, count, threads);
}

GATEWISE_END
