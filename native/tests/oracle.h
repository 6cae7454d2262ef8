// The equations again, one number after the other in double: what the kernels are held against. What the
// core stores between steps (h, gates) is rounded here too, or bfloat16's zeros of a ReLU would differ.
#pragma once

#include "problem.h"

namespace gatewise::testing {

/// Forward and backward.
Result solve(const Problem& problem);

}  // namespace gatewise::testing
