// Two results against each other.
#pragma once

#include "gatewise/kernels.h"
#include "problem.h"

namespace gatewise::testing {

/// Forward, then backward, through one table of kernels.
Result run(const Kernels& kernels, const Problem& problem, int threads);

/// Elementwise, relative to the largest value of each array. Where `expected` was never written (gaps,
/// steps past a row's end), neither may `actual` be.
void check_close(const Result& actual, const Result& expected, Type type);

/// Equal in every bit.
void check_equal(const Result& actual, const Result& expected);

/// The largest error seen by check_close, as a part of what is allowed.
extern double worst[3];

}  // namespace gatewise::testing
