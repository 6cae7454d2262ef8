// Runs all parts of the native tests, or those that are named.
#include <chrono>
#include <cstring>

#include "check.h"
#include "tests.h"

using namespace gatewise::testing;

int main(int count, char** names) {
  const struct {
    const char* name;
    void (*run)();
  } parts[] = {
      {"oracle", test_oracle},     {"threads", test_threads}, {"kernels", test_kernels},
      {"segments", test_segments}, {"stream", test_stream},
  };
  for (const auto& part : parts) {
    bool wanted = count == 1;
    for (int i = 1; i < count; ++i) wanted |= std::strcmp(names[i], part.name) == 0;
    if (!wanted) continue;
    const auto start = std::chrono::steady_clock::now();
    const long before = checks;
    part.run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%-9s %8ld checks  %6.2f s\n", part.name, checks.load() - before, seconds.count());
  }
  if (failures > 0) std::printf("%ld of %ld checks failed\n", failures.load(), checks.load());
  if (checks == 0) std::printf("there is no such part\n");
  return failures > 0 || checks == 0;
}
