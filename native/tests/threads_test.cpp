// The pool: every member of a team runs exactly once and at the same time, from any thread, after a fork,
// inside itself, and in the caller's floating-point environment.
#include <fenv.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "gatewise/spread.h"
#include "gatewise/threads.h"
#include "tests.h"

namespace gatewise::testing {
namespace {

struct Team {
  std::atomic<int> members{0}, sum{0}, size{0};
  Barrier barrier;
  std::vector<int> written = std::vector<int>(64);  // plain memory: the barrier has to order it
};

// Each member writes a place, and after the barrier reads its neighbour's.
void meet(void* context, int thread, int threads) {
  auto& team = *static_cast<Team*>(context);
  for (int round = 1; round <= 20; ++round) {
    team.written[static_cast<size_t>(thread)] = round;
    team.barrier.wait(threads);
    const int neighbour = (thread + 1) % threads;
    if (team.written[static_cast<size_t>(neighbour)] == round) ++team.sum;
    team.barrier.wait(threads);
  }
  ++team.members;
  team.size = threads;
}

void run_and_check(int threads) {
  Team team;
  run_team(threads, meet, &team);
  CHECK(team.members == team.size);
  CHECK(team.size == threads || team.size == 1);
  CHECK(team.sum == 20 * team.size);
}

void sizes() {
  context = "team sizes";
  for (const int threads : {1, 2, 3, 2, 5, 1, 4}) {
    Team team;
    run_team(threads, meet, &team);
    CHECK(team.size == threads);
    CHECK(team.members == threads);
    CHECK(team.sum == 20 * threads);
  }
  for (int i = 0; i < 500; ++i) run_and_check(2);
}

void sleepers() {
  context = "workers asleep";
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(40 + 20 * i));
    run_and_check(3);
  }
}

void several_callers() {
  context = "several callers";
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([] {
      for (int i = 0; i < 100; ++i) {
        Team team;
        run_team(2, meet, &team);
        if (team.members != team.size || team.sum != 20 * team.size) std::abort();
      }
    });
  }
  for (auto& caller : callers) caller.join();
}

void nested() {
  context = "a team inside a team";
  std::atomic<int> inner{0};
  run_team(2, [](void* count, int, int) {
    run_team(2, [](void* inner_count, int, int threads) {
      if (threads == 1) ++*static_cast<std::atomic<int>*>(inner_count);
    }, count);
  }, &inner);
  CHECK(inner == 2);
}

void environment() {
  context = "floating-point environment";
  std::atomic<int> upward{0};
  const auto look = [](void* count, int, int) {
    if (fegetround() == FE_UPWARD) ++*static_cast<std::atomic<int>*>(count);
  };
  const int before = fegetround();
  fesetround(FE_UPWARD);
  run_team(2, look, &upward);
  fesetround(before);
  CHECK(upward == 2);
  run_team(2, look, &upward);
  CHECK(upward == 2);
}

#ifdef __linux__
bool equal(const cpu_set_t& one, const cpu_set_t& other) { return CPU_EQUAL(&one, &other) != 0; }

// Start as the second thread of a team whose caller is on this thread's processor.
void start_beside_the_caller(const cpu_set_t& allowed, int* left) {
  Spread spread;
  const int caller = sched_getcpu();
  cpu_set_t before = allowed, after;
  std::thread member([&] {
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(caller, &here);
    sched_setaffinity(0, sizeof here, &here);
    sched_setaffinity(0, sizeof before, &before);
    spread.start(1, 2);
    *left += sched_getcpu() != caller;
    sched_getaffinity(0, sizeof after, &after);
  });
  member.join();
  CHECK(equal(before, after));
}

void spreading() {
  context = "a member that starts on the caller's processor";
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof all, &all);
  int left = 0;
  for (int i = 0; i < 20; ++i) start_beside_the_caller(all, &left);
  CHECK(CPU_COUNT(&all) == 1 || left > 0);  // not each time: the system may move a thread at any moment
  context = "where there is one processor";
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof one, &one);
  left = 0;
  start_beside_the_caller(one, &left);
  CHECK(left == 0);
  run_and_check(2);
  sched_setaffinity(0, sizeof all, &all);
}
#else
void spreading() {}
#endif

int status_of_child(void (*work)()) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // a deadlock ends the child, not the test
    work();
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

void forked_idle() {
  context = "fork while the pool is idle";
  run_and_check(2);
  CHECK(status_of_child([] { for (int i = 0; i < 10; ++i) run_and_check(2); }) == 0);
  run_and_check(2);
}

void forked_busy() {
  context = "fork while another thread holds the pool";
  std::atomic<bool> stop{false};
  std::thread holder([&] { while (!stop) run_and_check(2); });
  for (int i = 0; i < 10; ++i) CHECK(status_of_child([] { run_and_check(2); }) == 0);
  stop = true;
  holder.join();
}

}  // namespace

void test_threads() {
  sizes();
  sleepers();
  several_callers();
  nested();
  environment();
  spreading();
  if (under_thread_sanitizer) return;  // it refuses threads in the child of a process that has several
  forked_idle();
  forked_busy();
}

}  // namespace gatewise::testing
