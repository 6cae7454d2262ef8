// Checks of the native tests: a failed one says where and goes on, so that one run shows all of them.
#pragma once

#include <atomic>
#include <cstdio>
#include <string>

namespace gatewise::testing {

#if defined(__SANITIZE_THREAD__)
constexpr bool under_thread_sanitizer = true;
#elif defined(__has_feature)
constexpr bool under_thread_sanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool under_thread_sanitizer = false;
#endif

inline std::atomic<long> checks = 0, failures = 0;  // threads check too

/// What is being tested, for the messages.
inline std::string context;

inline void report(const char* file, int line, const std::string& what) {
  if (++failures <= 20) std::printf("%s:%d: %s [%s]\n", file, line, what.c_str(), context.c_str());
}

}  // namespace gatewise::testing

#define CHECK(condition)                                                             \
  do {                                                                               \
    ++gatewise::testing::checks;                                                     \
    if (!(condition)) gatewise::testing::report(__FILE__, __LINE__, "not true: " #condition); \
  } while (false)

#define CHECK_SAYING(condition, message)                                             \
  do {                                                                               \
    ++gatewise::testing::checks;                                                     \
    if (!(condition)) gatewise::testing::report(__FILE__, __LINE__, (message));      \
  } while (false)
