// The instruction sets that this machine can run, for core.h's functions and for the tests.
#pragma once

#include <span>

#include "gatewise/kernels.h"

namespace gatewise {

/// Best first; never empty.
std::span<const Kernels* const> available_kernels();

}  // namespace gatewise
