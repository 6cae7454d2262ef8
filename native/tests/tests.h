// The parts of the native test program.
#pragma once

namespace gatewise::testing {

void test_oracle();
void test_threads();
void test_kernels();
void test_segments();
void test_stream();

}  // namespace gatewise::testing
