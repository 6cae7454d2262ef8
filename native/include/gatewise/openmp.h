// The threads of the OpenMP runtime that the process has already loaded, torch's as a rule. Nothing is linked:
// a second copy of the runtime would fight the first.
#pragma once

namespace gatewise {

/// `run_team` on the runtime's own threads; false, and nothing done, where there is no runtime to borrow from
/// or its threads were lost in a fork.
///
/// Threads of OpenMP hold on to their cores for milliseconds after each of torch's operations. A thread of ours
/// that is woken meanwhile may share a core with one of them: a backward pass of 1.5 ms between two of torch's
/// operations then took 4.6. Borrowed threads are awake at that moment, and there are no others.
bool run_borrowed(int threads, void (*work)(void* context, int thread, int threads), void* context);

}  // namespace gatewise
